// The program `gitlab-agent-server`: what it may touch of the process is here.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setGlobalProxyFromEnv } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Log } from '../core/daemon/log.ts';
import { programFailure } from '../core/daemon/program-failure.ts';
import { ProblemError } from '../core/model/problem.ts';
import { HELP, readCommandLine } from './command-line.ts';
import { parseServerConfig } from './configuration/server-config.ts';
import { runServer } from './server.ts';
import { createToken, listTokens, revokeToken } from './tokens.ts';

declare const VERSION: string;

/** Beyond the grace period, in ms: what has not ended by then is cut off. */
const LAST_MOMENT = 5_000;

async function main(): Promise<void> {
  const command = readCommandLine(process.argv.slice(2));
  const means = { random: randomBytes, now: () => new Date() };
  switch (command.command) {
    case 'help':
      process.stdout.write(HELP);
      return;
    case 'version':
      process.stdout.write(`gitlab-agent-server v${VERSION}\n`);
      return;
    case 'token create':
      process.stdout.write(`${createToken(command.registry, command.token, means)}\n`);
      return;
    case 'token list':
      process.stdout.write(listTokens(command.registry));
      return;
    case 'token revoke':
      revokeToken(command.registry, command.id, means);
      return;
    case 'run':
      await run(command.configurationFile);
  }
}

async function run(configurationFile: string): Promise<void> {
  const { env } = process;
  const config = parseServerConfig(readNamed(configurationFile), configurationFile);
  const log = new Log({
    write: (line) => void process.stderr.write(line),
    level: config.observability.level,
    now: () => new Date(),
  });
  const ending = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (ending.signal.aborted) process.exit(1);
      log.info('Ending', { signal: name });
      ending.abort(new Error(name));
      setTimeout(() => process.exit(1), config.agents.grace + LAST_MOMENT).unref();
    });
  const ca = config.caFile === undefined ? undefined : readNamed(config.caFile).toString('utf8');
  if (ca !== undefined) setDefaultCACertificates([...getCACertificates('default'), ca]);
  // For GitLab's API; connections to repositories have proxies of their own.
  setGlobalProxyFromEnv(env);
  log.info('Starting', { version: VERSION });
  await runServer({
    config,
    ...(ca !== undefined && { ca: [...getCACertificates('default')].join('\n') }),
    cacheDirectory: config.repositories.cacheDir ?? join(tmpdir(), 'gitlab-agent-server'),
    env,
    version: VERSION,
    log,
    random: Math.random,
    signal: ending.signal,
  });
  log.info('Ended');
}

function readNamed(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ProblemError({ code: 'File', message: `the file can't be read: ${code}`, file });
  }
}

try {
  await main();
  // A keep-alive connection must not hold the process.
  process.exit();
} catch (error) {
  const { text, code } = programFailure(error);
  process.stderr.write(text);
  process.exit(code);
}
