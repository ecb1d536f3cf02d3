// Short flags that take a value: kubectl's users write `-nshop`, `-ojson` and `-v=9`, which yargs reads as groups.
const SHORT_WITH_VALUE = /^-([fknosv])=?(.+)$/;

/** Spells `-nshop` and `-n=shop` as `-n shop`; everything after `--` stays as it is. */
export function separateShortValues(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  const separated = flags.flatMap((argument) => {
    const match = SHORT_WITH_VALUE.exec(argument);
    return match ? [`-${match[1]}`, match[2]!] : [argument];
  });
  return end < 0 ? separated : [...separated, ...argv.slice(end)];
}
