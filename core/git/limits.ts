/** What reading one repository may take. */
export interface RepositoryLimits {
  /** Bytes that one fetch may bring. */
  packBytes: number;
  /** Larger files are not fetched (where the server can leave them out) and not read. */
  fileBytes: number;
  /** Files and directories of a commit. */
  files: number;
  /** Bytes of a check-out, for a kustomization. */
  checkOutBytes: number;
  /** Of memory, for each git process. */
  memoryBytes: number;
  /** Milliseconds for one request of refs. */
  refsTime: number;
  /** Milliseconds for one fetch, waiting for another program that fetches included. */
  fetchTime: number;
}

export const DEFAULT_LIMITS: RepositoryLimits = {
  packBytes: 256 * 2 ** 20,
  // What agents of GitLab took (agent.gitops.max_manifest_file_size).
  fileBytes: 5 * 2 ** 20,
  files: 100_000,
  checkOutBytes: 256 * 2 ** 20,
  memoryBytes: 1.5 * 2 ** 30,
  refsTime: 20_000,
  fetchTime: 300_000,
};
