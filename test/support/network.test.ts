import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import { waitFor } from './control-plane/wait.ts';

const NETWORK = join(import.meta.dirname, 'network', 'private-network.ts');

/** Makes a network, starts something in it that goes on for ever, and says its number. */
const PROGRAM = `
import { spawn } from 'node:child_process';
import { PrivateNetwork } from ${JSON.stringify(NETWORK)};
const network = await PrivateNetwork.start({ out: 1, within: [] }).catch(({ message }) => message);
if (typeof network === 'string') process.send({ refused: network });
else {
  const [command, ...args] = [...network.enter, 'sleep', 'infinity'];
  process.send({ pid: spawn(command, args, { stdio: 'ignore' }).pid });
}
`;

test('nothing of a private network is left when the process that made it is killed', async (t) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [{ pid, refused }] = (await once(child, 'message')) as [{ pid?: number; refused?: string }];
  child.kill('SIGKILL');
  if (pid === undefined) {
    t.log(`skipped: no network namespaces here: ${refused}`);
    t.pass();
    return;
  }
  // A namespace is gone with the last process in it.
  await waitFor(() => !isThere(pid), { what: 'what ran in it to end' });
  t.pass();
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
