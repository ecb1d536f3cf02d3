/** Every route that the stand-in knows. */
import { accessTokenRoutes } from './access-tokens.ts';
import { agentRoutes } from './agents.ts';
import { branchRoutes } from './branches.ts';
import { commitCreateRoutes } from './commit-create.ts';
import { commitRoutes } from './commits.ts';
import { compareRoutes } from './compare.ts';
import { deployTokenRoutes } from './deploy-tokens.ts';
import { deploymentRoutes } from './deployments.ts';
import { environmentRoutes } from './environments.ts';
import { fileRoutes } from './files.ts';
import { instanceRoutes } from './instance.ts';
import { jobRoutes } from './jobs.ts';
import { memberRoutes } from './members.ts';
import { mergeRequestRoutes } from './merge-requests.ts';
import { noteRoutes } from './notes.ts';
import { projectRoutes } from './projects.ts';
import type { Route } from './router.ts';
import { statusRoutes } from './statuses.ts';
import { tagRoutes } from './tags.ts';
import { treeRoutes } from './tree.ts';

export const ROUTES: readonly Route[] = [
  ...instanceRoutes,
  ...jobRoutes,
  ...projectRoutes,
  ...memberRoutes,
  ...branchRoutes,
  ...tagRoutes,
  ...commitRoutes,
  ...commitCreateRoutes,
  ...compareRoutes,
  ...treeRoutes,
  ...fileRoutes,
  ...statusRoutes,
  ...deploymentRoutes,
  ...environmentRoutes,
  ...agentRoutes,
  ...mergeRequestRoutes,
  ...noteRoutes,
  ...accessTokenRoutes,
  ...deployTokenRoutes,
];
