import { commitChanges, type Proposal } from '../../core/gitlab/commit-changes.ts';
import { parseWantedImage, type WantedImage } from '../../core/manifest/image-reference.ts';
import { setImages } from '../../core/manifest/set-images.ts';
import type { RevisionTree } from '../../core/model/file-tree.ts';
import type { FileUpdate } from '../../core/model/gitlab-projects.ts';
import { compileGlob, hasWildcard } from '../../core/model/glob.ts';
import { type Problem, ProblemError } from '../../core/model/problem.ts';
import { type Desk, defaultBranch, problemOf } from '../desk.ts';
import { openJobRepository } from '../repository.ts';
import { askedFor } from './asked-for.ts';

const MANIFEST = /\.(json|ya?ml)$|^Kustomization$/;
const MOST_FILES = 10_000;
const MOST_BYTES = 5 * 2 ** 20;

/**
 * Sets the images in the manifests of a project by one commit, none where they are set already. Returns the commit
 * that has them. Throws ProblemError where that can't be done.
 */
export async function commitImages(desk: Desk, project: string): Promise<string> {
  const { inputs, host, gitlab, job, now, deadline, sleep, random, signal } = desk;
  const images = readImages(inputs.images);
  const branch = inputs.branch ?? (await defaultBranch(desk, project));
  await using repository = await openJobRepository(desk, project);
  let tip = '';
  const propose = async (): Promise<Proposal> => {
    const found = await gitlab.branch(project, branch);
    if (!found.ok) return found;
    if (!found.value)
      throw new ProblemError({
        code: 'NoBranch',
        message: `${project} has no branch ${branch}`,
        hint: 'name it with input branch',
      });
    tip = found.value.commit;
    const opened = await repository.source.open(tip, signal);
    if (!opened.ok) throw new ProblemError(opened.failure);
    try {
      return await proposeImages(desk, { project, branch, images, tree: opened.tree });
    } finally {
      await opened.tree.close();
    }
  };
  const lines = [
    ...images.map(
      ({ from, ...image }) =>
        `${from} is ${image.tag ?? image.digest}${from === image.name ? '' : ` of ${image.name}`}`,
    ),
    ...askedFor(job),
  ];
  const [first] = images;
  const title =
    images.length === 1
      ? `Set ${first!.name} to ${(first!.tag ?? first!.digest)!.slice(0, 40)}`
      : `Set ${images.length} images`;
  const changed = await commitChanges({
    gitlab,
    project,
    branch,
    message: `${title}\n\n${lines.join('\n')}`,
    propose,
    hasTime: () => now() < deadline,
    now,
    sleep,
    random,
  });
  switch (changed.state) {
    case 'committed':
      host.say(`${branch} of ${project} has them by commit ${changed.commit.id.slice(0, 12)}`);
      return changed.commit.id;
    case 'already':
      host.say(`${branch} of ${project} has them already, at ${tip.slice(0, 12)}`);
      return tip;
    case 'problems':
      throw new ProblemError(...changed.problems);
    case 'failed':
      throw new ProblemError(problemOf(`the images of ${project} were not changed`, changed.failure));
    case 'protected':
      throw new ProblemError(
        problemOf(
          `the images of ${project} were not changed`,
          changed.failure,
          `the token must be allowed to push to the protected branch ${branch} (often Maintainer)`,
        ),
      );
  }
}

function readImages(lines: readonly string[]): WantedImage[] {
  const read = lines.map((line) => ({ line, image: parseWantedImage(line) }));
  const [first, ...more] = read.flatMap(({ line, image }): Problem[] =>
    image
      ? []
      : [
          {
            code: 'Usage',
            message: `input images: ${JSON.stringify(line)} names no image with a tag or digest`,
            hint: 'registry.example.com/team/app:1.2.3, or OLD=NEW:TAG',
          },
        ],
  );
  if (first) throw new ProblemError(first, ...more);
  return read.map(({ image }) => image!);
}

/** The files that have to change, each as it was read by the API, so that a race is noticed. */
async function proposeImages(
  desk: Desk,
  place: { project: string; branch: string; images: readonly WantedImage[]; tree: RevisionTree },
): Promise<Proposal> {
  const { project, branch, images, tree } = place;
  const used = new Set<WantedImage>();
  const updates: FileUpdate[] = [];
  for (const path of await candidates(desk, tree)) {
    const text = (await tree.read(path, MOST_BYTES)).toString('utf8');
    if (!images.some(({ from, name }) => text.includes(from) || text.includes(name))) continue;
    const set = setImages(text, images);
    for (const image of set?.used ?? []) used.add(image);
    if (!set || set.text === text) continue;
    const file = await desk.gitlab.file(project, path, branch);
    if (!file.ok) return file;
    const current = file.value && setImages(file.value.content.toString('utf8'), images);
    if (file.value && current)
      updates.push({ path, content: Buffer.from(current.text), lastCommit: file.value.lastCommit });
  }
  const missing = images.filter((image) => !used.has(image));
  if (missing.length === 0) return { ok: true, value: { updates } };
  const problems = missing.map(({ from }) => ({
    code: 'NoSuchImage',
    message: `no manifest of ${project} uses the image ${from}`,
    hint: 'the name has to stand there as given, without its tag; nothing was changed',
  }));
  return { ok: true, value: { problems } };
}

/** Files by their names: kustomizations and what they are made of are among them, unlike in a plan. */
async function candidates({ inputs }: Desk, tree: RevisionTree): Promise<string[]> {
  const wanted = inputs.paths.map((path) => path.replace(/^\.?\//, '').replace(/\/+$/, ''));
  const globs = wanted.filter(hasWildcard).map(readGlob);
  const places = wanted.filter((path) => !hasWildcard(path));
  const isWanted = (file: string): boolean =>
    wanted.length === 0 ||
    globs.some((matches) => matches(file)) ||
    places.some((place) => place === '' || place === '.' || file === place || file.startsWith(`${place}/`));
  const files: string[] = [];
  const directories = ['.'];
  for (const directory of directories) {
    for (const { name, kind } of await tree.list(directory)) {
      if (name.startsWith('.')) continue;
      const path = directory === '.' ? name : `${directory}/${name}`;
      if (kind === 'directory') directories.push(path);
      if (kind === 'file' && MANIFEST.test(name) && isWanted(path)) files.push(path);
    }
    if (files.length + directories.length > MOST_FILES)
      throw new ProblemError({
        code: 'TooMany',
        message: `there are more than ${MOST_FILES} files`,
        hint: 'name some with input paths',
      });
  }
  return files;
}

function readGlob(glob: string): (path: string) => boolean {
  try {
    return compileGlob(glob);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ProblemError({
      code: 'Usage',
      message: `input paths: ${JSON.stringify(glob)}: ${error.message}`,
    });
  }
}
