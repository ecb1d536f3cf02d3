import { spawn } from 'node:child_process';
import { isatty } from 'node:tty';
import { isObject, type Json } from '../model/json.ts';
import type { ProblemError } from '../model/problem.ts';
import type { ExecPlugin } from './connection.ts';
import { bearer, type Credential, type CredentialSource } from './credentials.ts';
import { problem } from './problems.ts';
import { checkKeyPair } from './tls-material.ts';

/** What the plugin's input and output go through; tests put others here. */
export interface ExecHost {
  stdinIsTerminal: () => boolean;
  /** Wall clock in ms, for the credential's expiration. */
  now: () => number;
}

const realHost: ExecHost = { stdinIsTerminal: () => isatty(0), now: Date.now };
/** A plugin's output is a few kilobytes; more is not a credential. */
const MAX_OUTPUT = 2 ** 20;

interface Held {
  credential: Credential;
  /** Wall clock in ms; undefined where it does not expire. */
  expires: number | undefined;
}

/**
 * Runs an exec plugin as kubectl does (client-go `plugin/pkg/client/auth/exec`) when its credential is first
 * needed, has expired, or was refused; at most one at a time. Its stderr is the person's, who may have to log in
 * there; its stdout is never shown. An abort of the signal ends it.
 */
export function execCredentials(
  plugin: ExecPlugin,
  signal: AbortSignal,
  host: ExecHost = realHost,
): CredentialSource {
  let held: Held | undefined;
  let running: Promise<Held> | undefined;
  const run = (): Promise<Held> => {
    running ??= runPlugin(plugin, signal, host).finally(() => {
      running = undefined;
    });
    return running;
  };
  const fresh = async (): Promise<Credential> => {
    held = await run();
    return held.credential;
  };
  return {
    current: async () => {
      // While it is renewed, nobody is sent off with what was refused.
      if (running) return (await running).credential;
      if (held && (held.expires === undefined || held.expires > host.now())) return held.credential;
      return fresh();
    },
    renew: async (refused) => {
      // Another request was refused as well and renewed it already.
      if (held && held.credential !== refused) return true;
      return (await fresh()) !== refused;
    },
  };
}

async function runPlugin(plugin: ExecPlugin, signal: AbortSignal, host: ExecHost): Promise<Held> {
  signal.throwIfAborted();
  const interactive = isInteractive(plugin, host);
  const info = {
    kind: 'ExecCredential',
    apiVersion: plugin.apiVersion,
    spec: { ...(plugin.cluster === undefined ? {} : { cluster: plugin.cluster }), interactive },
  };
  const env = { ...plugin.environment, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  const output = await new Promise<string>((resolve, reject) => {
    const child = spawn(plugin.command, plugin.args, {
      env,
      stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
      signal,
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT) chunks.push(chunk);
      else child.kill();
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(signal.aborted ? signal.reason : notStarted(plugin, error)),
    );
    child.once('close', (code, killed) => {
      if (signal.aborted) reject(signal.reason);
      else if (size > MAX_OUTPUT) reject(failed(plugin, 'prints more than a credential'));
      else if (code !== 0)
        reject(failed(plugin, code === null ? `was ended by ${killed}` : `failed with exit code ${code}`));
      else resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
  return readCredential(plugin, output);
}

function isInteractive({ interactiveMode, command }: ExecPlugin, host: ExecHost): boolean {
  if (interactiveMode === 'Never') return false;
  const terminal = host.stdinIsTerminal();
  if (interactiveMode === 'Always' && !terminal) {
    throw problem(
      'ExecPluginInteractive',
      `the exec plugin ${command} wants to ask at a terminal, and standard input is none`,
      'run it from a terminal, or use credentials that need no questions',
    );
  }
  return terminal;
}

function readCredential(plugin: ExecPlugin, output: string): Held {
  const parsed = parse(output);
  if (!isObject(parsed) || parsed.kind !== 'ExecCredential')
    throw failed(plugin, 'does not print an ExecCredential');
  if (parsed.apiVersion !== plugin.apiVersion) {
    const answered = typeof parsed.apiVersion === 'string' ? parsed.apiVersion : 'no version';
    throw failed(
      plugin,
      `answers in ${answered.slice(0, 80)} where the kubeconfig says ${plugin.apiVersion}`,
    );
  }
  const status = parsed.status;
  if (!isObject(status)) throw failed(plugin, 'gives no status, so no credential');
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = status;
  if (!isText(token) && !isText(cert) && !isText(key))
    throw failed(plugin, 'gives neither a token nor a client certificate');
  if (isText(cert) !== isText(key))
    throw failed(plugin, 'gives a client certificate without its key, or a key alone');
  const pair = isText(cert) && isText(key) ? { certificate: { cert, key } } : {};
  if (pair.certificate)
    checkKeyPair(pair.certificate.cert, pair.certificate.key, ` of the exec plugin ${plugin.command}`);
  const expires = isText(expirationTimestamp) ? Date.parse(expirationTimestamp) : undefined;
  if (expires !== undefined && Number.isNaN(expires))
    throw failed(plugin, 'gives an expirationTimestamp that is no time');
  return { credential: { headers: isText(token) ? bearer(token) : {}, ...pair }, expires };
}

function parse(output: string): Json | undefined {
  try {
    return JSON.parse(output) as Json;
  } catch {
    return undefined;
  }
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== '';
}

function notStarted(plugin: ExecPlugin, { code }: NodeJS.ErrnoException): ProblemError {
  if (code !== 'ENOENT')
    return failed(plugin, code === 'EACCES' ? 'may not be executed' : `can't be started (${code})`);
  return problem(
    'ExecPluginMissing',
    `the exec plugin ${plugin.command}, which gets the credentials, is not installed`,
    plugin.installHint ? printable(plugin.installHint) : 'install it, or put its folder into PATH',
  );
}

function failed(plugin: ExecPlugin, how: string): ProblemError {
  return problem('ExecPluginFailed', `the exec plugin ${plugin.command}, which gets the credentials, ${how}`);
}

/** A kubeconfig's text must not move the cursor of the terminal that it is shown on. */
function printable(text: string): string {
  return text.trim().replace(/[^\P{C}\n\t]/gu, '');
}
