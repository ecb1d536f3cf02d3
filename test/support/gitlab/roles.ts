/** The roles of GitLab's members, as the numbers that its API shows. */
export const ROLES = {
  guest: 10,
  planner: 15,
  reporter: 20,
  developer: 30,
  maintainer: 40,
  owner: 50,
} as const;

export type Role = keyof typeof ROLES;

export type Visibility = 'private' | 'internal' | 'public';
