import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { build } from './go-build.ts';

export type BinaryName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kwok'
  | 'kubectl'
  | 'helm';
export type Binaries = Record<BinaryName, string>;

/** A Go module of ours that pins one project: its folder under `binaries/`, and the module whose version counts. */
export interface Pin {
  folder: 'kubernetes' | 'etcd' | 'kwok' | 'helm';
  module: string;
}

/** How a binary comes about. `minutes` is what a first build took on two cores. */
export interface Recipe {
  pin: Pin;
  package: string;
  minutes: number;
}

const KUBERNETES: Pin = { folder: 'kubernetes', module: 'k8s.io/kubernetes' };
const ETCD: Pin = { folder: 'etcd', module: 'go.etcd.io/etcd/server/v3' };
const KWOK: Pin = { folder: 'kwok', module: 'sigs.k8s.io/kwok' };
const HELM: Pin = { folder: 'helm', module: 'helm.sh/helm/v3' };

export const RECIPES: Record<BinaryName, Recipe> = {
  etcd: { pin: ETCD, package: ETCD.module, minutes: 1 },
  'kube-apiserver': { pin: KUBERNETES, package: 'k8s.io/kubernetes/cmd/kube-apiserver', minutes: 5 },
  'kube-controller-manager': {
    pin: KUBERNETES,
    package: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    minutes: 1,
  },
  'kube-scheduler': { pin: KUBERNETES, package: 'k8s.io/kubernetes/cmd/kube-scheduler', minutes: 1 },
  kwok: { pin: KWOK, package: 'sigs.k8s.io/kwok/cmd/kwok', minutes: 2 },
  kubectl: { pin: KUBERNETES, package: 'k8s.io/kubernetes/cmd/kubectl', minutes: 1 },
  helm: { pin: HELM, package: 'helm.sh/helm/v3/cmd/helm', minutes: 2 },
};

/** What a control plane runs; `kubectl` is for comparisons only, see `findKubectl`. */
export const SERVERS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
] as const;

/** `${XDG_CACHE_HOME:-~/.cache}/kubectl-gitlab-agent/control-plane`: binaries by version, and the locks. */
export function cacheDirectory(): string {
  return join(
    process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
    'kubectl-gitlab-agent',
    'control-plane',
  );
}

/** The module of ours that pins the project. */
export function moduleDirectory(pin: Pin): string {
  return join(import.meta.dirname, 'binaries', pin.folder);
}

/** The version that the pin's go.mod names: `v1.34.4`. There is no other place that names it. */
export function versionOf(pin: Pin): string {
  const text = readFileSync(join(moduleDirectory(pin), 'go.mod'), 'utf8');
  const escaped = pin.module.replaceAll('.', '\\.');
  const match = new RegExp(`^(?:require)?\\s+${escaped} (v\\S+)`, 'm').exec(text);
  if (!match) throw new Error(`${pin.folder}/go.mod does not require ${pin.module}`);
  return match[1]!;
}

/** Where built binaries live: one directory for each set of versions, so that an update leaves old ones usable. */
export function binaryDirectory(): string {
  return directoryOf([KUBERNETES, ETCD, KWOK]);
}

function directoryOf(pins: readonly Pin[]): string {
  const versions = pins.map((pin) => `${pin.folder}-${versionOf(pin)}`);
  return join(cacheDirectory(), [...versions, `${process.platform}-${process.arch}`].join('_'));
}

/**
 * The paths of the binaries: each from `KUBEBUILDER_ASSETS`, else from the cache, else built with Go into the
 * cache (minutes the first time, shown on stderr). Throws ProblemError with what to install where that can't be.
 */
export async function findBinaries<Name extends BinaryName>(
  names: readonly Name[],
  options: { signal?: AbortSignal; directory?: string } = {},
): Promise<Pick<Binaries, Name>> {
  const { signal, directory = binaryDirectory() } = options;
  const places = [process.env.KUBEBUILDER_ASSETS, directory].filter((place) => place !== undefined);
  const find = (name: Name): string | undefined => firstExecutable(places, name);
  const missing = names.filter((name) => !find(name));
  if (missing.length > 0) await build(missing, directory, signal);
  return Object.fromEntries(names.map((name) => [name, find(name)])) as Pick<Binaries, Name>;
}

/** The `kubectl` on PATH (a minor version of skew is fine), else one found or built as the servers are. */
export async function findKubectl(options: { signal?: AbortSignal } = {}): Promise<string> {
  return findOnPath('kubectl') ?? (await findBinaries(['kubectl'], options)).kubectl;
}

/** The `helm` on PATH, else one found or built as the servers are, in a directory of its own. */
export async function findHelm(options: { signal?: AbortSignal } = {}): Promise<string> {
  return (
    findOnPath('helm') ?? (await findBinaries(['helm'], { ...options, directory: directoryOf([HELM]) })).helm
  );
}

/** The program of that name that the shell would run. */
export function findOnPath(name: string): string | undefined {
  return firstExecutable((process.env.PATH ?? '').split(delimiter), name);
}

function firstExecutable(places: readonly string[], name: string): string | undefined {
  return places.map((place) => join(place, name)).find(isExecutable);
}

/** Whether the path is a file that we may run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
