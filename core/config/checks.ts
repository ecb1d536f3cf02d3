import { isDnsLabel } from '../model/dns-label.ts';
import { compileGlob } from '../model/glob.ts';
import type { TextFault } from './types.ts';

// What texts may be, by the rules of Kubernetes, Git and GitLab.

export function checkDnsLabel(text: string): TextFault | undefined {
  if (isDnsLabel(text)) return undefined;
  return {
    message: 'is no DNS label',
    hint: 'up to 63 of a-z, 0-9 and "-", with a letter or digit at both ends',
  };
}

/** The full path of a project, or its number. https://docs.gitlab.com/user/reserved_names/ */
export function checkProject(text: string): TextFault | undefined {
  if (/^\d+$/.test(text)) {
    return Number.isSafeInteger(Number(text)) && Number(text) > 0
      ? undefined
      : { message: 'is no number of a project' };
  }
  if (/:\/\/|^[^/]*@/.test(text))
    return { message: 'is a URL', hint: 'write the path of the project: group/project; or use url' };
  const parts = text.split('/');
  const segment = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
  if (
    parts.length >= 2 &&
    parts.length <= 22 &&
    text.length <= 1000 &&
    parts.every((part) => isSegment(part))
  )
    return undefined;
  return { message: 'is no path of a project', hint: 'write group/project, without a slash at the ends' };

  function isSegment(part: string): boolean {
    return segment.test(part) && !/\.(git|atom)$/.test(part) && !part.endsWith('.');
  }
}

/** The name of a branch or tag, by git-check-ref-format(1). */
export function checkRefName(text: string): TextFault | undefined {
  if (/^refs\/(heads|tags)\//.test(text)) {
    const short = text.replace(/^refs\/(heads|tags)\//, '');
    return { message: 'is a name without "refs/…/"', hint: `write ${short}` };
  }
  const broken =
    text.startsWith('-') ||
    text === '@' ||
    text === 'HEAD' ||
    text.length > 255 ||
    /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$/.test(text) ||
    text.split('/').some((part) => part.startsWith('.') || part.endsWith('.lock'));
  return broken ? { message: 'is a name that Git does not allow' } : undefined;
}

export function checkCommit(text: string): TextFault | undefined {
  if (/^(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$/.test(text)) return undefined;
  if (/^[0-9a-fA-F]{4,63}$/.test(text))
    return { message: 'is a shortened SHA', hint: 'write all of it: git rev-parse prints it' };
  return {
    message: 'is no SHA of a commit',
    hint: 'a SHA has 40 hexadecimal digits; use branch or tag for names',
  };
}

/** A repository elsewhere. Its text is never repeated: it may hold a password. */
export function checkUrl(text: string): TextFault | undefined {
  // The parser would leave out line breaks and spaces without a word.
  const url = /[\x00-\x20\x7f]/.test(text) ? null : URL.parse(text);
  if (!url) return { message: 'is no URL', hint: 'write https://HOST/PATH.git' };
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return { message: 'is no HTTPS URL', hint: 'repositories are read over HTTPS: https://HOST/PATH.git' };
  if (url.username || url.password)
    return {
      message: 'holds credentials',
      hint: 'put them into the Secret gitlab-agent-git, and change them: Git remembers',
    };
  if (url.search || url.hash || url.pathname.length < 2)
    return { message: 'is no URL of a repository', hint: 'write https://HOST/PATH.git' };
  return undefined;
}

/** Names of environments. https://docs.gitlab.com/ci/yaml/#environmentname */
export function checkEnvironment(text: string): TextFault | undefined {
  if (text.length <= 255 && /^[A-Za-z0-9 _/${}.-]+$/.test(text) && !/^\/|\/$/.test(text)) return undefined;
  return {
    message: 'is no name of an environment',
    hint: 'up to 255 letters, digits, spaces and any of - _ / $ { } . without a slash at the ends',
  };
}

/** A glob below the root of the repository; one leading slash says the same. */
export function checkGlob(text: string): TextFault | undefined {
  if (text.split('/').includes('..'))
    return { message: 'leads out of the repository', hint: 'remove the ".."' };
  if (text === '/' || text.startsWith('//'))
    return { message: 'names no files', hint: 'everything is **/*.{yaml,yml,json}' };
  try {
    compileGlob(text);
    return undefined;
  } catch (error) {
    return {
      message: `can't be read: ${(error as Error).message}`,
      hint: 'put a "\\" before a character that is meant as it is',
    };
  }
}
