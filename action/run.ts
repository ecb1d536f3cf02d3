import { ProblemError } from '../core/model/problem.ts';
import { openDesk, type Surroundings } from './desk.ts';
import type { Host } from './host.ts';
import { readInputs } from './inputs.ts';
import { checkToken, tokenOf } from './token.ts';

/** Runs the step that the inputs ask for; its exit code: 0 done, 1 not as wished, 2 asked for in the wrong way. */
export async function runStep(host: Host, around: Surroundings): Promise<number> {
  let started = false;
  try {
    const inputs = readInputs(around.env);
    const token = tokenOf(inputs, host.job);
    for (const secret of [token?.value, host.job.jobToken]) if (secret) host.hide(secret);
    for (const notice of checkToken(token, inputs, host.job)) host.warn(notice);
    const desk = openDesk(around, { inputs, host, token });
    started = true;
    switch (inputs.mode) {
      case 'wait':
        await (await import('./wait/run-wait.ts')).runWait(desk);
        return 0;
      case 'deploy':
        await (await import('./deploy/run-deploy.ts')).runDeploy(desk);
        return 0;
      case 'diff':
        return await (await import('./diff/run-diff.ts')).runDiff(desk);
    }
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    host.fail(error.problems);
    return started ? 1 : 2;
  }
}
