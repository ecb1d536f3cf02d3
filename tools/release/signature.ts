// Offsets of "PE Format", the specification of Windows executables.
const PE_OFFSET = 0x3c;
const OPTIONAL_HEADER = 24;
const PE32_PLUS = 0x20b;
const CERTIFICATES = 112 + 4 * 8;

/**
 * A Windows executable without its Authenticode signature, which no longer fits what is in it: none is better than a
 * broken one. Throws an Error where that is no such file, or the signature is not at its end.
 */
export function withoutSignature(file: Buffer): Buffer {
  const header = file.readUInt32LE(PE_OFFSET);
  const optional = header + OPTIONAL_HEADER;
  if (file.toString('latin1', header, header + 4) !== 'PE\0\0' || file.readUInt16LE(optional) !== PE32_PLUS)
    throw new Error('this is no 64-bit Windows executable');
  const entry = optional + CERTIFICATES;
  const [offset, size] = [file.readUInt32LE(entry), file.readUInt32LE(entry + 4)];
  if (size === 0) return file;
  if (offset + size !== file.length) throw new Error('the signature is not at the end of the file');
  const bare = Buffer.from(file.subarray(0, offset));
  bare.fill(0, entry, entry + 8);
  return bare;
}
