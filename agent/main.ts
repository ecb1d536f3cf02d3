// The program `gitlab-agent`: what it may touch of the process is here.
import { readFileSync } from 'node:fs';
import { setGlobalProxyFromEnv } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Log, type LogSink } from '../core/daemon/log.ts';
import { programFailure } from '../core/daemon/program-failure.ts';
import { loadConnection } from '../core/kube/load-connection.ts';
import type { Level } from '../core/model/log-level.ts';
import { ProblemError } from '../core/model/problem.ts';
import { runAgent } from './agent.ts';
import { helpText, readFlags } from './flags.ts';

declare const VERSION: string;

/** After a signal, in ms: what has not ended by then is cut off. */
const LAST_MOMENT = 9_500;

async function main(): Promise<number> {
  const { AGENTK_TOKEN: tokenInEnvironment } = process.env;
  // Whatever is started from here does not get it.
  delete process.env.AGENTK_TOKEN;
  const flags = readFlags(process.argv.slice(2), Boolean(tokenInEnvironment));
  if (flags === 'help' || flags === 'version') {
    process.stdout.write(flags === 'help' ? helpText() : `gitlab-agent v${VERSION}\n`);
    return 0;
  }
  const { env } = process;
  const sink: LogSink = {
    write: (line) => void process.stderr.write(line),
    level: flags.logLevel as Level,
    now: () => new Date(),
  };
  const log = new Log(sink, flags.agentName === undefined ? {} : { agent: flags.agentName });
  const ending = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (ending.signal.aborted) process.exit(1);
      log.info('Ending', { signal: name });
      ending.abort(new Error(name));
      setTimeout(() => process.exit(1), LAST_MOMENT).unref();
    });
  const ca = readPem(flags.gitlabCaFile);
  const kasCa = readPem(flags.kas?.caFile);
  if (ca !== undefined) setDefaultCACertificates([...getCACertificates('default'), ca]);
  // For GitLab's API; connections to repositories and to the API server have proxies of their own.
  setGlobalProxyFromEnv(env);
  const connection = loadConnection(flags.connection, { env, homedir: env.HOME ?? '/' });
  const podName = env.POD_NAME || hostname();
  log.info('Starting', { version: VERSION, pod: podName });
  await runAgent({
    flags,
    connection,
    ...(ca !== undefined && { ca: [...getCACertificates('default')].join('\n') }),
    podName,
    podNamespace: env.POD_NAMESPACE || connection.namespace,
    ...(kasCa !== undefined && { kasCa }),
    ...(tokenInEnvironment && { kasToken: tokenInEnvironment }),
    cacheDir: flags.cacheDir ?? join(tmpdir(), `gitlab-agent-${flags.agentName ?? 'kas'}`),
    env,
    version: VERSION,
    log,
    sink,
    random: Math.random,
    signal: ending.signal,
  });
  log.info('Ended');
  return 0;
}

function readPem(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProblemError({
      code: 'CaFile',
      message: `the CA file can't be read: ${code}`,
      file,
    });
  }
}

try {
  process.exitCode = await main();
  // A keep-alive connection, or a pause of somebody who was cut off, must not hold the process.
  process.exit();
} catch (error) {
  const { text, code } = programFailure(error);
  process.stderr.write(text);
  process.exit(code);
}
