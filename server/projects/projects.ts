import type { Log } from '../../core/daemon/log.ts';
import type { Connections } from '../../core/git/connections.ts';
import { credentialOf } from '../../core/git/mounted-credentials.ts';
import { openRepository } from '../../core/git/revision-source.ts';
import type { CredentialReader } from '../../core/model/source.ts';
import type { GitopsLimits } from '../configuration/server-config.ts';
import { sourceError } from './failures.ts';
import { ProjectFeed } from './project-feed.ts';
import { type Lease, Shared } from './shared.ts';

export interface ProjectsOptions {
  gitlabUrl: string;
  /** Without it, repositories are read without a credential. */
  credentialsDir?: string;
  connections: Connections;
  env: NodeJS.ProcessEnv;
  cacheDirectory: string;
  userAgent: string;
  interval: number;
  limits: GitopsLimits;
  random: () => number;
  log: Log;
  onPoll: (result: string) => void;
}

/** How long a project that nobody follows is kept, in ms: agents come back. */
const KEPT = 60_000;

/** The projects that agents follow. Whoever takes one has made sure that its agent may read it. */
export class Projects {
  readonly #options: ProjectsOptions;
  readonly #feeds = new Shared<ProjectFeed>(KEPT, (feed) => feed.end());

  constructor(options: ProjectsOptions) {
    this.#options = options;
  }

  /** By full path. Throws ConnectError for a path that can't be one. */
  lease(project: string): Lease<ProjectFeed> {
    // GitLab's paths are the same whatever their case.
    return this.#feeds.lease(project.toLowerCase(), () => this.#open(project));
  }

  /** Looks at a project at once, where somebody follows it. */
  poke(project: string): void {
    const path = project.toLowerCase();
    for (const { project: followed, watch } of this.#feeds.values)
      if (followed.toLowerCase() === path) watch.poke();
  }

  get count(): number {
    return this.#feeds.values.length;
  }

  end(): void {
    for (const feed of this.#feeds.values) feed.end();
    this.#feeds.clear();
  }

  #open(project: string): ProjectFeed {
    const { gitlabUrl, credentialsDir, connections, env, cacheDirectory, userAgent, limits, log } =
      this.#options;
    const url = `${gitlabUrl}/${project}.git`;
    const credential: CredentialReader =
      credentialsDir === undefined
        ? () => Promise.resolve(undefined)
        : credentialOf(credentialsDir, gitlabUrl, url);
    const opened = openRepository({
      url,
      credential,
      connections,
      env,
      cacheDirectory,
      userAgent,
      limits: { fileBytes: limits.fileBytes },
    });
    if (!opened.ok) throw sourceError(`project ${project}`, opened.failure);
    const { interval, random, onPoll } = this.#options;
    return new ProjectFeed({
      source: opened.source,
      project,
      interval,
      limits,
      random,
      log: log.with({ project }),
      onPoll,
    });
  }
}
