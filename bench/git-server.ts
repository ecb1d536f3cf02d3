/** The GitLab of the Git benchmark, in a process of its own: what it prints first is where it is, as JSON. */
import { startGitLab } from '../test/support/gitlab/gitlab.ts';

export interface GitServer {
  url: string;
  username: string;
  token: string;
  /** The authority that signed its certificate: PEM, and the file that holds it. */
  ca: string;
  caFile: string;
  /** The first has all files, each later one changes one of them. */
  commits: string[];
}

const FILES = 1000;
const CHANGES = 20;

await using gitlab = await startGitLab({ tls: true });
const project = await gitlab.createProject('bench/manifests');
const manifest = (index: number, version: number): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings-${index}\n  namespace: bench\ndata:\n  version: "${version}"\n${Array.from(
    { length: 40 },
    (_, line) => `  key-${line}: value-${(index * 7919 + line * 104_729) % 1_000_003}\n`,
  ).join('')}`;
const nameOf = (index: number): string => `apps/team-${index % 20}/settings-${index}.yaml`;
const commits = [
  await project.commit(
    Object.fromEntries(Array.from({ length: FILES }, (_, index) => [nameOf(index), manifest(index, 0)])),
  ),
];
for (let version = 1; version <= CHANGES; version += 1)
  commits.push(await project.commit({ [nameOf(version * 31)]: manifest(version * 31, version) }));
const { username, value: token } = project.createDeployToken();
const server: GitServer = {
  url: project.url,
  username,
  token,
  ca: gitlab.ca!,
  caFile: gitlab.caFile!,
  commits,
};
process.stdout.write(`${JSON.stringify(server)}\n`);
// Until whoever started it closes its standard input.
for await (const _ of process.stdin);
