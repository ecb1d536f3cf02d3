import type { ApiFailure, PodName } from '../../core/model/cluster.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { oneLine } from '../../core/report/escape.ts';
import type { PodSight } from './leader-pod.ts';

/** What the API server says of a node that it can't ask (client-go, `GetPreferredNodeAddress`, Go's net package). */
const NO_NODE =
  /dial tcp|no preferred addresses found|proxyconnect|connection refused|no route to host|i\/o timeout|TLS handshake|context deadline exceeded|unexpected EOF|nodes? ".*" not found/i;

/** Why a log can't be read, and what to do about it. */
export function logProblem(failure: ApiFailure, pod: PodName, { container, node }: PodSight): ProblemError {
  const { status, reason, message } = failure;
  const { namespace, name } = pod;
  const run = container === undefined ? `the Pod ${name}` : `the container ${container} of the Pod ${name}`;
  const refuse = (said: string, hint: string): ProblemError =>
    new ProblemError({ code: reason || 'NoLog', message: oneLine(said), hint });
  const cause = message.replace(/^Get "[^"]*": /, '');
  if (status === 403)
    return refuse(
      `the log of the Pod ${name} can't be read: ${message}`,
      `it needs the right to get pods/log in the namespace ${namespace}`,
    );
  // No Content: nobody could be asked.
  if (status === 204)
    return refuse(
      `the Pod ${name} has no log yet: no node was found for it`,
      `-f waits for it; kubectl describe pod ${name} -n ${namespace} says more`,
    );
  if (/previous terminated container .* not found/.test(message))
    return refuse(
      `there is no earlier log: ${run} has not been restarted`,
      'without -p it is the log of the run that goes on',
    );
  if (status === 400 && /waiting to start|is not available|PodInitializing|ContainerCreating/.test(message))
    return refuse(
      `${run} has no log yet: ${waitingFor(message)}`,
      `-f waits for it; kubectl describe pod ${name} -n ${namespace} says more`,
    );
  if (status === 404 && !NO_NODE.test(message)) return gone(pod);
  // Without an answer it is not the node that is away.
  if (status >= 500 || (status > 0 && NO_NODE.test(message)))
    return refuse(
      `the API server can't get the log of the Pod ${name} from ${node === undefined ? 'its node' : `its node ${node}`}: ${cause}`,
      `kubectl get node${node === undefined ? 's' : ` ${node}`} says whether it is up`,
    );
  return new ProblemError({
    code: reason || 'NoLog',
    message: oneLine(`the log of the Pod ${name} can't be read: ${message}`),
  });
}

/** The log of a Pod goes with it. */
export function gone({ namespace, name }: PodName): ProblemError {
  return new ProblemError({
    code: 'NoPod',
    message: `there is no Pod ${name} in the namespace ${namespace} any more: its log went with it`,
    hint: '-f waits for the next leader; kubectl gitlab-agent status says whether there is one',
  });
}

/** `… is waiting to start: trying and failing to pull image`. */
function waitingFor(message: string): string {
  return /waiting to start: (.*)$/.exec(message)?.[1] ?? message;
}
