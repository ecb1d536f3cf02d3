import { parse } from 'yaml';

interface Manifest {
  apiVersion?: unknown;
  kind?: unknown;
  metadata?: { name?: unknown };
  spec?: {
    version?: unknown;
    homepage?: unknown;
    shortDescription?: unknown;
    description?: unknown;
    platforms?: Platform[];
  };
}

interface Platform {
  selector?: { matchLabels?: Record<string, string>; matchExpressions?: unknown };
  uri?: unknown;
  sha256?: unknown;
  bin?: unknown;
  files?: { from?: unknown; to?: unknown }[];
}

const SEMVER = /^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[\w.-]+)?(\+[\w.-]+)?$/;
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/i;
const MACHINES = [
  ...['386', 'amd64', 'arm64'].flatMap((arch) => [`windows/${arch}`, `darwin/${arch}`]),
  ...['386', 'amd64', 'arm', 'arm64', 'ppc64le'].map((arch) => `linux/${arch}`),
];
// Reviewers of krew's index ask for no more.
const LONGEST_SHORT_DESCRIPTION = 50;
const LONGEST_LINE = 80;

/**
 * What krew, the checks of its index and its reviewers would refuse in a manifest; empty where all is well. Rules of
 * kubernetes-sigs/krew: `internal/index/validation/validate.go`, `cmd/validate-krew-manifest/main.go`.
 */
export function krewProblems(text: string): string[] {
  const { apiVersion, kind, metadata, spec = {} } = parse(text) as Manifest;
  const name = String(metadata?.name ?? '');
  const { version, homepage, shortDescription = '', description = '', platforms = [] } = spec;
  const short = String(shortDescription);
  return [
    apiVersion !== 'krew.googlecontainertools.github.com/v1alpha2' && 'apiVersion is not what krew reads',
    kind !== 'Plugin' && 'kind is not Plugin',
    (!/^[\w-]+$/.test(name) || DEVICE.test(name)) && `the name ${JSON.stringify(name)} is not allowed`,
    !SEMVER.test(String(version)) && `the version ${String(version)} is not v and a semantic version`,
    !isUrl(homepage) && 'homepage is not an https URL',
    (short === '' || short.includes('\n')) && 'shortDescription is not one line',
    short.length > LONGEST_SHORT_DESCRIPTION &&
      `shortDescription is over ${LONGEST_SHORT_DESCRIPTION} characters`,
    String(description) === '' && 'description is missing',
    String(description)
      .split('\n')
      .some((line) => line.length > LONGEST_LINE) && 'description has long lines',
    platforms.length === 0 && 'there are no platforms',
    ...platforms.flatMap(platformProblems),
    ...MACHINES.map((machine) => {
      const fitting = platforms.filter((platform) => fits(platform, machine));
      return fitting.length > 1 && `${fitting.length} platforms are for ${machine}`;
    }),
  ].filter((problem) => problem !== false);
}

function platformProblems(platform: Platform, index: number): (string | false)[] {
  const { uri, sha256, bin, files, selector } = platform;
  const labels = Object.entries(selector?.matchLabels ?? {});
  const machines = MACHINES.filter((machine) => fits(platform, machine));
  const problems = [
    (!isUrl(uri) || !/\.(zip|tar\.gz)$/.test(String(uri))) && 'uri is not that of a .zip or .tar.gz',
    !/^[a-f0-9]{64}$/.test(String(sha256)) && 'sha256 is not 64 lowercase hexadecimal digits',
    (typeof bin !== 'string' || bin === '' || bin.startsWith('/') || bin.includes('..')) &&
      'bin is not a path',
    files !== undefined &&
      (files.length === 0 || files.some(({ from, to }) => !from || !to)) &&
      'files lack from and to',
    (labels.length === 0 ||
      selector?.matchExpressions !== undefined ||
      labels.some(([key]) => !/^(os|arch)$/.test(key))) &&
      'selector does not name os and arch in matchLabels',
    machines.length === 0 && 'selector fits no machine that krew knows',
    machines.some((machine) => machine.startsWith('windows/')) &&
      !String(bin).endsWith('.exe') &&
      'bin is not an .exe',
  ];
  return problems.map((problem) => problem && `platforms[${index}]: ${problem}`);
}

function fits({ selector }: Platform, machine: string): boolean {
  const [os, arch] = machine.split('/');
  return Object.entries(selector?.matchLabels ?? {}).every(
    ([key, value]) => value === (key === 'os' ? os : arch),
  );
}

function isUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).protocol === 'https:';
}
