import bash from './scripts/bash.sh';
import fish from './scripts/fish.sh';
import kubectl from './scripts/kubectl.sh';
import zsh from './scripts/zsh.sh';

/**
 * What `completion SHELL` prints. Each asks the executable itself, `__complete WORD…`, as kubectl does, and reads its
 * answer: lines of VALUE[<tab>DESCRIPTION], then `:N`, of which 2 is no space behind it, 4 no files, 16 directories.
 */
export const SCRIPTS = { kubectl, bash, zsh, fish } as const;
