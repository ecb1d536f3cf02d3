/** `npm run cluster`: a real control plane for a person, until Ctrl-C. */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { formatProblem, ProblemError } from '../core/model/problem.ts';
import { startControlPlane } from '../test/support/control-plane/control-plane.ts';
import { saveEndpoint } from '../test/support/control-plane/endpoint.ts';

const USAGE = `usage: npm run cluster -- [--nodes N] [--bare]
  --nodes N  fake Nodes, 1 where not said
  --bare     etcd and the API server only: no controllers, no Nodes
`;

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { nodes: { type: 'string' }, bare: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const nodes = Number(values.nodes ?? 1);
  if (!Number.isInteger(nodes) || nodes < 0) throw new Error(`--nodes takes a number, not ${values.nodes}`);
  const { signal } = interrupted;
  process.stderr.write('starting a control plane …\n');
  const start = Date.now();
  await using controlPlane = await startControlPlane({
    nodes,
    workloads: !values.bare,
    auditLog: true,
    purpose: 'runs `npm run cluster`',
    signal,
  });
  process.stderr.write(`ready in ${((Date.now() - start) / 1000).toFixed(1)} s. In another terminal:\n`);
  process.stdout.write(`export KUBECONFIG=${controlPlane.kubeconfig}\n`);
  process.stdout.write(`export TEST_CONTROL_PLANE=${saveEndpoint(controlPlane)}\n`);
  process.stderr.write(
    'The second line lets `npm test` use this one. Users without rights: user-1 to user-8, in\n',
  );
  process.stderr.write(`${controlPlane.dir}/user-N.kubeconfig. Ctrl-C ends it and removes all.\n`);
  if (!signal.aborted) await untilInterrupted(signal);
  process.stderr.write('\nending …\n');
  await controlPlane.stop();
  process.stderr.write('the control plane is gone, and its files with it\n');
}

/** An event listener alone does not keep Node running; the pipe to the supervisor does. */
async function untilInterrupted(signal: AbortSignal): Promise<void> {
  await once(signal, 'abort');
}

try {
  await main();
} catch (error) {
  if (interrupted.signal.aborted) process.stderr.write('\nended before it was ready; nothing is left\n');
  else if (error instanceof ProblemError)
    process.stderr.write(`${error.problems.map(formatProblem).join('\n')}\n`);
  else process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = interrupted.signal.aborted ? 130 : 2;
}
