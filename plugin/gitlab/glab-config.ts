import { join } from 'node:path';
import type { Io } from '../io.ts';

/** The file in which `glab auth login` leaves tokens; it need not be there. */
export function glabConfig({ env, homedir }: Pick<Io, 'env' | 'homedir'>): string {
  const directory = env.GLAB_CONFIG_DIR || join(env.XDG_CONFIG_HOME || join(homedir, '.config'), 'glab-cli');
  return join(directory, 'config.yml');
}
