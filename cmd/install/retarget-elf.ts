/**
 * Points undefined symbols of a 64-bit little-endian ELF file at other symbols, in place.
 *
 * What a compiler with a C library of 2.38 makes of `strtol` is an import of `__isoc23_strtol`
 * under the version `GLIBC_2.38`, and one such import keeps the whole file from loading on an
 * older library. The old name is the tail of the new one, so no string has to be added: only
 * the name's offset moves. Layouts are those of the ELF gABI and of the LSB's symbol versioning.
 */

const SHT_DYNSYM = 11
const SHT_GNU_VERNEED = 0x6ffffffe
const SHT_GNU_VERSYM = 0x6fffffff
const SYM_BYTES = 24
const SHN_UNDEF = 0
const VER_FLG_WEAK = 2

type Section = { readonly type: number; readonly at: number; readonly size: number; link: number }
type Need = { readonly name: string; readonly index: number; readonly flagsAt: number }

export type Retarget = {
  /** Put before the old name in every import to be changed, for example `__isoc23_`. */
  readonly prefix: string
  /** The version that the C library lacks, for example `GLIBC_2.38`. */
  readonly from: string
  /** The version under which it has the old names, for example `GLIBC_2.2.5`. */
  readonly to: string
}

/**
 * Returns a changed copy of `file`: every undefined symbol `<prefix>x` of version `from` becomes
 * `x` of version `to`, and the need of `from` becomes weak.
 *
 * @throws when the file is not such an ELF file, or when anything else still needs `from`: a weak
 * need would then only move the failure from loading to running.
 */
export const retargetElf = (file: Buffer, { prefix, from, to }: Retarget): Buffer => {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) {
    throw new Error('not a 64-bit little-endian ELF file')
  }
  const out = Buffer.from(file)
  const sections = readSections(out)
  const find = (type: number): Section => {
    const found = sections.find(section => section.type === type)
    if (!found) throw new Error(`the ELF file has no section of type 0x${type.toString(16)}`)
    return found
  }
  const symbols = find(SHT_DYNSYM)
  const versions = find(SHT_GNU_VERSYM)
  const names = sections[symbols.link]
  if (!names) throw new Error('the ELF file has no names for its dynamic symbols')

  const needs = readNeeds(out, find(SHT_GNU_VERNEED), names)
  const lacking = needs.find(need => need.name === from)
  const target = needs.find(need => need.name === to)
  if (!lacking || !target) throw new Error(`the ELF file does not need both ${from} and ${to}`)

  for (let i = 0; i * SYM_BYTES < symbols.size; i++) {
    const symbolAt = symbols.at + i * SYM_BYTES
    const versionAt = versions.at + i * 2
    if (out.readUInt16LE(symbolAt + 6) !== SHN_UNDEF) continue
    if ((out.readUInt16LE(versionAt) & 0x7fff) !== lacking.index) continue
    const offset = out.readUInt32LE(symbolAt)
    const name = text(out, names.at + offset)
    if (!name.startsWith(prefix)) throw new Error(`${name} needs ${from} and has no older name`)
    out.writeUInt32LE(offset + prefix.length, symbolAt)
    out.writeUInt16LE(target.index, versionAt)
  }
  out.writeUInt16LE(out.readUInt16LE(lacking.flagsAt) | VER_FLG_WEAK, lacking.flagsAt)
  return out
}

const readSections = (file: Buffer): Section[] => {
  const headersAt = Number(file.readBigUInt64LE(0x28))
  const size = file.readUInt16LE(0x3a)
  return Array.from({ length: file.readUInt16LE(0x3c) }, (_, i) => {
    const at = headersAt + i * size
    return {
      type: file.readUInt32LE(at + 4),
      at: Number(file.readBigUInt64LE(at + 24)),
      size: Number(file.readBigUInt64LE(at + 32)),
      link: file.readUInt32LE(at + 40),
    }
  })
}

/** The versions needed of the C library itself; those of its other parts have their own index. */
const readNeeds = (file: Buffer, section: Section, names: Section): Need[] => {
  const needs: Need[] = []
  for (let at = section.at, next = 1; next !== 0; at += next) {
    next = file.readUInt32LE(at + 12)
    if (text(file, names.at + file.readUInt32LE(at + 4)) !== 'libc.so.6') continue
    for (let aux = at + file.readUInt32LE(at + 8), step = 1; step !== 0; aux += step) {
      step = file.readUInt32LE(aux + 12)
      needs.push({
        name: text(file, names.at + file.readUInt32LE(aux + 8)),
        index: file.readUInt16LE(aux + 6),
        flagsAt: aux + 4,
      })
    }
  }
  return needs
}

const text = (file: Buffer, at: number): string => file.toString('latin1', at, file.indexOf(0, at))
