// `tar` for commands of Kubelet: it ends at the end of an archive, which is all that tells of it there.
import { spawn } from 'node:child_process';

const BLOCK = 512;
const child = spawn('tar', process.argv.slice(2), { stdio: ['pipe', 'inherit', 'inherit'] });
child.once('close', (code) => process.exit(code ?? 1));
child.stdin.on('error', () => {});

/** Blocks of a file that are still to come. */
let content = 0;
let rest = Buffer.alloc(0);
for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
  rest = Buffer.concat([rest, chunk]);
  const whole = rest.length - (rest.length % BLOCK);
  let ended = false;
  for (let at = 0; at < whole && !ended; at += BLOCK) {
    if (content > 0) {
      content -= 1;
      continue;
    }
    const header = rest.subarray(at, at + BLOCK);
    ended = header[0] === 0;
    const size = Number.parseInt(header.toString('latin1', 124, 136), 8) || 0;
    content = Math.ceil(size / BLOCK);
  }
  child.stdin.write(rest.subarray(0, whole));
  rest = rest.subarray(whole);
  if (ended) break;
}
child.stdin.end(Buffer.alloc(2 * BLOCK));
