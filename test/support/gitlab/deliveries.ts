/** Environments and deployments. */
import type { Agent } from './agents.ts';
import type { Project } from './project.ts';
import type { User } from './user.ts';
import type { World } from './world.ts';

export const TIERS = ['production', 'staging', 'testing', 'development', 'other'] as const;
export type Tier = (typeof TIERS)[number];

export interface Environment {
  id: number;
  name: string;
  slug: string;
  description: string | null;
  externalUrl: string | null;
  tier: Tier;
  state: 'available' | 'stopping' | 'stopped';
  agent: Agent | null;
  kubernetesNamespace: string | null;
  fluxResourcePath: string | null;
  autoStopSetting: 'always' | 'with_action';
  createdAt: Date;
  updatedAt: Date;
}

export type DeploymentStatus = 'created' | 'running' | 'success' | 'failed' | 'canceled' | 'blocked';

export interface Deployment {
  id: number;
  iid: number;
  environment: Environment;
  sha: string;
  ref: string;
  tag: boolean;
  status: DeploymentStatus;
  user: User;
  createdAt: Date;
  updatedAt: Date;
  finishedAt: Date | null;
  /** Made by a job with `environment:`, which the API may not change. */
  byPipeline: boolean;
}

const GUESSES: readonly [RegExp, Tier][] = [
  [/(dev|review|trunk)/i, 'development'],
  [/(test|tst|int|ac(ce|)pt|qa|qc|control|quality)/i, 'testing'],
  [/(st(a|)g|mod(e|)l|pre|demo|non)/i, 'staging'],
  [/(pr(o|)d|live)/i, 'production'],
];

export function addEnvironment(world: World, project: Project, name: string): Environment {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  const now = world.now();
  const environment: Environment = {
    id: world.nextId('environment'),
    name,
    slug: slug.slice(0, 24),
    description: null,
    externalUrl: null,
    tier: GUESSES.find(([pattern]) => pattern.test(name))?.[1] ?? 'other',
    state: 'available',
    agent: null,
    kubernetesNamespace: null,
    fluxResourcePath: null,
    autoStopSetting: 'always',
    createdAt: now,
    updatedAt: now,
  };
  project.environments.push(environment);
  return environment;
}
