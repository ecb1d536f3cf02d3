import { readFile } from 'node:fs/promises';
import type { Clock } from './clock.ts';
import type { Auth } from './connection.ts';
import type { ClientCertificate } from './endpoint.ts';
import { problem } from './problems.ts';

/** What goes with a request. The same object is given out until something changes. */
export interface Credential {
  headers: Readonly<Record<string, string>>;
  certificate?: ClientCertificate;
}

export interface CredentialSource {
  /** The credential to use now. Rejects with ProblemError where there is none to be had. */
  current(): Promise<Credential>;
  /** After a 401 for `refused`: whether `current` now has another. */
  renew(refused: Credential): Promise<boolean>;
}

/** Opens the source for a kind of authentication; those that need much code are loaded only then. */
export async function openCredentials(
  auth: Auth,
  clock: Clock,
  signal: AbortSignal,
): Promise<CredentialSource> {
  switch (auth.kind) {
    case 'none':
      return fixed({});
    case 'token':
      return fixed(bearer(auth.token));
    case 'basic': {
      const pair = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
      return fixed({ authorization: `Basic ${pair}` });
    }
    case 'tokenFile':
      return tokenFile(auth.file, auth.fallback, clock);
    case 'exec': {
      const { execCredentials } = await import('./exec-credential.ts');
      return execCredentials(auth.plugin, signal);
    }
    case 'provider': {
      if (auth.provider.name === 'oidc') {
        const { oidcCredentials } = await import('./oidc-credential.ts');
        return oidcCredentials(auth.provider, signal);
      }
      const { providerCredentials } = await import('./provider-credential.ts');
      return providerCredentials(auth.provider, clock);
    }
  }
}

/** An authorization header. Throws ProblemError for a token that no header can hold. */
export function bearer(token: string): { authorization: string } {
  const text = token.trim();
  if (!/^[\x21-\x7e]+$/.test(text))
    throw problem(
      'TokenInvalid',
      'the token holds characters that no token has, such as spaces or line breaks',
    );
  return { authorization: `Bearer ${text}` };
}

function fixed(headers: Readonly<Record<string, string>>): CredentialSource {
  const credential: Credential = { headers };
  return { current: () => Promise.resolve(credential), renew: () => Promise.resolve(false) };
}

/** A projected token lasts an hour and is renewed long before; client-go reads the file again after this time, in ms. */
const TOKEN_FILE_AGE = 50_000;

function tokenFile(file: string, fallback: string | undefined, clock: Clock): CredentialSource {
  let credential: Credential | undefined;
  let readAt = 0;
  const read = async (): Promise<Credential> => {
    readAt = clock.now();
    let token: string | undefined;
    try {
      token = (await readFile(file, 'utf8')).trim();
    } catch (error) {
      // A token that was read before is used until the server refuses it.
      if (credential) return credential;
      if (!fallback)
        throw problem(
          'TokenFileUnreadable',
          `the token file ${file} can't be read: ${(error as NodeJS.ErrnoException).code}`,
        );
    }
    const headers = bearer(token || fallback || empty(file));
    if (credential?.headers.authorization !== headers.authorization) credential = { headers };
    return credential!;
  };
  return {
    current: async () => (credential && clock.now() - readAt < TOKEN_FILE_AGE ? credential : read()),
    renew: async (refused) => (await read()) !== refused,
  };
}

function empty(file: string): never {
  throw problem('TokenFileEmpty', `the token file ${file} is empty`);
}
