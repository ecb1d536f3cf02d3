import { type GitOptions, git } from './run-git.ts';

const MOST = 200;
const RECENT = 30;

/** Branches, remote ones too, and tags of the repository around `cwd`, those that changed last first. */
export async function refNames(options: GitOptions): Promise<string[]> {
  const places = ['refs/heads', 'refs/tags', 'refs/remotes'];
  const order = ['--sort=-creatordate', `--count=${MOST}`, '--format=%(refname:short)'];
  return lines(await git(['for-each-ref', ...order, ...places], options));
}

/** The last commits that HEAD contains, newest first. */
export async function recentCommits(options: GitOptions): Promise<{ commit: string; subject: string }[]> {
  const out = await git(['log', `--max-count=${RECENT}`, '--format=%H %s', 'HEAD', '--'], options);
  return lines(out).map((line) => {
    const [commit = '', ...subject] = line.split(' ');
    return { commit, subject: subject.join(' ') };
  });
}

function lines(out: Buffer): string[] {
  return out
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}
