/** `npm run gitlab`: a GitLab stand-in for a person, until Ctrl-C. */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type ExampleProjects, exampleProjects } from '../test/support/gitlab/example-projects.ts';
import { type GitLab, startGitLab } from '../test/support/gitlab/gitlab.ts';

const USAGE = `usage: npm run gitlab -- [--port N] [--tls] [--version V]
  --port N     listen there instead of on a free port
  --tls        HTTPS, with a certificate authority of its own
  --version V  which GitLab it is, such as 16.11.0-ee; 18.10.0-ee where not said
`;

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      tls: { type: 'boolean', default: false },
      version: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port takes a number from 0 to 65535, not ${values.port}`);
  const { tls, version } = values;
  await using gitlab = await startGitLab({ port, tls, ...(version === undefined ? {} : { version }) });
  process.stdout.write(describe(gitlab, await exampleProjects(gitlab)));
  process.stderr.write(
    'Everything is in memory and in a temporary folder. Ctrl-C ends it and removes all.\n',
  );
  // The listener keeps Node running.
  if (!interrupted.signal.aborted) await once(interrupted.signal, 'abort');
  process.stderr.write('\nthe GitLab stand-in has ended\n');
}

function describe(
  gitlab: GitLab,
  { configuration, manifests, person, reading, reporting }: ExampleProjects,
): string {
  const clone = (url: string): string => {
    const full = new URL(url);
    full.username = 'ada';
    full.password = person.value;
    return `git${gitlab.caFile ? ` -c http.sslCAInfo=${gitlab.caFile}` : ''} clone ${full.href}`;
  };
  const curl = `curl${gitlab.caFile ? ` --cacert ${gitlab.caFile}` : ''} -H 'PRIVATE-TOKEN: ${person.value}'`;
  const deploy = ({ username, value }: { username: string; value: string }): string =>
    `${username}  ${value}`;
  return `A GitLab stand-in, ${gitlab.version}, at ${gitlab.url}

${configuration.path}, with the agent's .gitlab/agents/demo/config.yaml
  ${clone(configuration.url)}
  deploy token that reads it        ${deploy(reading.configuration)}
${manifests.path}, with the manifests
  ${clone(manifests.url)}
  deploy token that reads it        ${deploy(reading.manifests)}
  token that reports statuses       ${reporting.value}
ada, maintainer of both, scope api  ${person.value}

  ${curl} \\
    ${gitlab.url}/api/v4/projects/${encodeURIComponent(manifests.path)}/repository/commits

`;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
