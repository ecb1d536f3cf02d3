/*
 * Globs by the rules of the doublestar library, which GitLab's agent used: `*` and `?` stop at `/`, `**` as a whole
 * part stands for any number of directories, `[a-z]`, `[!a]`, `{a,b}`, `\` before a character. A wildcard does not
 * match a leading dot. Matching takes time in proportion to pattern × path, never more.
 */

const MAX_ALTERNATIVES = 1000;
const MAX_LENGTH = 4096;

export function hasWildcard(path: string): boolean {
  return /[*?[{]/.test(path);
}

/** The directories before the first part with a wildcard, and the rest: where a search begins. */
export function splitGlob(glob: string): { base: string; pattern: string } {
  const parts = glob.split('/');
  const first = parts.findIndex((part) => hasWildcard(part));
  // A brace may hold slashes: its part and everything after belong to the pattern.
  const base = parts.slice(0, first).join('/');
  return { base: base === '' && glob.startsWith('/') ? '/' : base, pattern: parts.slice(first).join('/') };
}

/** Throws SyntaxError for a glob that is too long or not closed. The answer takes paths relative to the glob's base. */
export function compileGlob(pattern: string): (path: string) => boolean {
  if (pattern.length > MAX_LENGTH) throw new SyntaxError(`the glob is longer than ${MAX_LENGTH} characters`);
  const alternatives = expandBraces(pattern).map((alternative) =>
    alternative.split('/').filter((part) => part !== '' && part !== '.'),
  );
  for (const part of alternatives.flat()) checkBrackets(part);
  return (path) => {
    const parts = path.split('/');
    return alternatives.some((alternative) => matchParts(alternative, parts));
  };
}

/** `a{b,c{d,e}}` → `ab`, `acd`, `ace`. */
function expandBraces(pattern: string): string[] {
  let results = [''];
  let at = 0;
  const append = (endings: string[]): void => {
    results = results.flatMap((start) => endings.map((ending) => start + ending));
    if (results.length > MAX_ALTERNATIVES)
      throw new SyntaxError(`the glob has more than ${MAX_ALTERNATIVES} alternatives`);
  };
  while (at < pattern.length) {
    const character = pattern[at]!;
    if (character === '\\') {
      append([pattern.slice(at, at + 2)]);
      at += 2;
    } else if (character === '{') {
      const { choices, end } = readBraces(pattern, at);
      append(choices.flatMap(expandBraces));
      at = end;
    } else {
      append([character]);
      at += 1;
    }
  }
  return results;
}

function readBraces(pattern: string, start: number): { choices: string[]; end: number } {
  const choices: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < pattern.length; at += 1) {
    const character = pattern[at];
    if (character === '\\') at += 1;
    else if (character === '{') depth += 1;
    else if (character === ',' && depth === 1) {
      choices.push(pattern.slice(from, at));
      from = at + 1;
    } else if (character === '}') {
      depth -= 1;
      if (depth === 0) return { choices: [...choices, pattern.slice(from, at)], end: at + 1 };
    }
  }
  throw new SyntaxError('a "{" has no "}"');
}

/** Says at once what matching would find out with the first name that gets as far as the bracket. */
function checkBrackets(part: string): void {
  for (let at = 0; at < part.length; at += 1) {
    if (part[at] === '\\') at += 1;
    else if (part[at] === '[') at = matchBracket(part, at, '').end - 1;
  }
}

function matchParts(pattern: string[], path: string[]): boolean {
  // reach[i]: whether the path so far can be matched by the first i parts of the pattern.
  let reach = pattern.map(
    (_, index) => index === 0 || pattern.slice(0, index).every((part) => part === '**'),
  );
  reach.push(pattern.every((part) => part === '**'));
  for (const part of path) {
    const next = new Array<boolean>(pattern.length + 1).fill(false);
    for (let index = 0; index < pattern.length; index += 1) {
      if (!reach[index]) continue;
      if (pattern[index] === '**') {
        if (!part.startsWith('.')) next[index] = true;
      } else if (matchPart(pattern[index]!, part)) next[index + 1] = true;
    }
    for (let index = 0; index < pattern.length; index += 1)
      if (pattern[index] === '**' && next[index]) next[index + 1] = true;
    reach = next;
  }
  return reach[pattern.length]!;
}

/** One part against one name: the classic loop that goes back to the last star only. */
function matchPart(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.') && !pattern.startsWith('\\.')) return false;
  let at = 0;
  let from = 0;
  let star = -1;
  let starFrom = 0;
  while (from < name.length) {
    const step = at < pattern.length && pattern[at] !== '*' ? matchCharacter(pattern, at, name[from]!) : 0;
    if (step > 0) {
      at += step;
      from += 1;
    } else if (pattern[at] === '*') {
      star = at;
      starFrom = from;
      at += 1;
    } else if (star >= 0) {
      at = star + 1;
      starFrom += 1;
      from = starFrom;
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

/** How many pattern characters match this one; 0 for none. */
function matchCharacter(pattern: string, at: number, character: string): number {
  if (pattern[at] === '?') return 1;
  if (pattern[at] === '\\') return pattern[at + 1] === character ? 2 : 0;
  if (pattern[at] !== '[') return pattern[at] === character ? 1 : 0;
  const { matches, end } = matchBracket(pattern, at, character);
  return matches ? end - at : 0;
}

/** `[a-z]` against one character; `end` is behind the bracket. */
function matchBracket(pattern: string, at: number, character: string): { matches: boolean; end: number } {
  let from = at + 1;
  const negated = pattern[from] === '!' || pattern[from] === '^';
  if (negated) from += 1;
  let found = false;
  for (let first = true; from < pattern.length && (first || pattern[from] !== ']'); first = false) {
    if (pattern[from] === '\\') from += 1;
    const low = pattern[from]!;
    let high = low;
    if (pattern[from + 1] === '-' && from + 2 < pattern.length && pattern[from + 2] !== ']') {
      high = pattern[from + 2]!;
      from += 2;
    }
    if (low <= character && character <= high) found = true;
    from += 1;
  }
  if (from >= pattern.length) throw new SyntaxError('a "[" has no "]"');
  return { matches: found !== negated, end: from + 1 };
}
