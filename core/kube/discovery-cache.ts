import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { GroupVersion } from './aggregated-discovery.ts';

export const ROOTS = ['/api', '/apis'] as const;
export type Root = (typeof ROOTS)[number];

/** What one root answered, with the ETag that says whether it still holds: a hash of the answer's content. */
export interface CachedRoot {
  etag: string;
  versions: GroupVersion[];
}

export interface DiscoveryCache {
  /** Undefined where there is none that can be read. */
  read(): Record<Root, CachedRoot> | undefined;
  /** A cache that can't be written is only slower. */
  write(roots: Record<Root, CachedRoot>): void;
}

/** Changes when what we keep changes; another number is another cache. */
const FORMAT = 2;

/** Lasts as long as its connection. */
export function memoryCache(): DiscoveryCache {
  let known: Record<Root, CachedRoot> | undefined;
  return {
    read: () => known,
    write: (roots) => {
      known = roots;
    },
  };
}

/** `<cacheDir>/gitlab-agent/<host>/discovery.json`, the host spelt as kubectl spells it for its own cache. */
export function discoveryFile(cacheDir: string, server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/[^(\w/.)]/g, '_');
  return join(cacheDir, 'gitlab-agent', host, 'discovery.json');
}

/** Files are 0600 and folders 0750, as kubectl's; a file is there whole or not at all. */
export function fileCache(file: string): DiscoveryCache {
  return {
    read: () => {
      try {
        const content = JSON.parse(readFileSync(file, 'utf8')) as {
          format?: number;
          roots?: Record<Root, CachedRoot>;
        };
        if (content.format !== FORMAT || !content.roots) return undefined;
        return ROOTS.every((root) => isRoot(content.roots![root])) ? content.roots : undefined;
      } catch {
        return undefined;
      }
    },
    write: (roots) => {
      const part = `${file}.${process.pid}.part`;
      try {
        mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
        writeFileSync(part, JSON.stringify({ format: FORMAT, roots }), { mode: 0o600 });
        renameSync(part, file);
      } catch {
        removeIfThere(part);
      }
    },
  };
}

function isRoot(root: unknown): boolean {
  const { etag, versions } = (root ?? {}) as Partial<CachedRoot>;
  if (typeof etag !== 'string' || !Array.isArray(versions)) return false;
  return versions.every(
    (version) => typeof version?.groupVersion === 'string' && Array.isArray(version.resources),
  );
}

function removeIfThere(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Its folder is none: there is nothing to remove.
  }
}
