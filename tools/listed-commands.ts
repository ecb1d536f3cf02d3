/** The names below `Commands:` in a help text, each after the command that it belongs to. */
export function listedCommands(help: string, ...parents: string[]): string[] {
  const prefix = ['kubectl', 'gitlab-agent', ...parents].join(' ');
  const listed = /^Commands:\n((?: .*\n?)*)/m.exec(help)?.[1] ?? '';
  return [...listed.matchAll(/^ {2}(\S.*?)(?: {2,}|$)/gm)]
    .map(([, usage]) => usage!)
    .filter((usage) => usage.startsWith(`${prefix} `))
    .map((usage) => usage.slice(prefix.length + 1).split(' ')[0]!);
}
