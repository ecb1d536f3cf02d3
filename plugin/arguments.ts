// Short flags that take a value: kubectl's users write `-nshop`, `-ojson` and `-v=9`, which yargs reads as groups.
const WITH_VALUE: Record<string, string> = {
  f: 'filename',
  k: 'kustomize',
  n: 'namespace',
  o: 'output',
  s: 'server',
  v: 'v',
};
// yargs takes the lone `-` after these for another flag.
const BEFORE_DASH = /^(?:-R*[fk]|--filename|--kustomize)$/;
const SHORT_WITH_VALUE = /^-([fknosv])(?:=(.*)|([^=].*))$/s;
/** In `logs`, `-f` follows, and may stand together with `-p`. */
const SHORT_IN_LOGS = /^-([nosv])(?:=(.*)|([^=].*))$/s;

/** Spells `-nshop` as `--namespace=shop` and `-f -` as `-f=-`; all after `--` stays as it is. */
export function separateShortValues(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  const separated: string[] = [];
  const short = argv[0] === 'logs' ? SHORT_IN_LOGS : SHORT_WITH_VALUE;
  for (const argument of flags) {
    const [, letter, assigned, glued] = short.exec(argument) ?? [];
    if (letter) separated.push(`--${WITH_VALUE[letter]}=${assigned ?? glued}`);
    else if (argument === '-' && BEFORE_DASH.test(separated.at(-1) ?? ''))
      separated.push(`${separated.pop()}=-`);
    // Nor does it take it for a file where files are named without a flag.
    else if (argument === '-' && argv[0] === 'config') separated.push('--file=-');
    else separated.push(argument);
  }
  return end < 0 ? separated : [...separated, ...argv.slice(end)];
}

/** The number after the last `-v`, before anything else is read of the arguments; 0 where there is none. */
export function verbosity(argv: readonly string[]): number {
  const levels = argv.map((argument, index) => {
    const joined = /^(?:-v=?|--v=)(\d+)$/.exec(argument)?.[1];
    return Number(joined ?? (/^--?v$/.test(argument) ? argv[index + 1] : Number.NaN));
  });
  return levels.findLast((level) => !Number.isNaN(level)) ?? 0;
}
