/** Which GitLab the stand-in is. The differences that it knows are those of the contract's version table. */
export class Version {
  readonly text: string;
  readonly #number: readonly [number, number];

  /** A version as GitLab prints it: `18.4.1-ee`, `19.0.0-pre`. */
  constructor(text: string) {
    const [, major, minor] = /^(\d+)\.(\d+)(\.\d+)?(-\w+)?$/.exec(text) ?? [];
    if (major === undefined || minor === undefined)
      throw new Error(`${text} is no version of GitLab, such as 18.4.1-ee`);
    this.text = text;
    this.#number = [Number(major), Number(minor)];
  }

  /** Whether this is `major.minor` or newer. */
  atLeast(version: `${number}.${number}`): boolean {
    const [major, minor] = version.split('.').map(Number);
    return this.#number[0] > major! || (this.#number[0] === major! && this.#number[1] >= minor!);
  }
}
