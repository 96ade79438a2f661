package nestbox.mmu.core;

import nestbox.mmu.core.Rig.End;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;

/** The manual's page walk once more, as plainly as it can be written: what an access must come to. Changes nothing. */
final class NaivePaging {
    private final Rig rig;
    private final Vcpu cpu;
    private final int physBits;

    NaivePaging(Rig rig, Vcpu cpu, int physBits) {
        this.rig = rig;
        this.cpu = cpu;
        this.physBits = physBits;
    }

    static boolean isRam(long gpa) {
        return gpa >= 0 && gpa < Rig.RAM_BYTES;
    }

    private long entryAt(long gpa, int bytes) {
        return isRam(gpa) ? rig.read(gpa, bytes) : bytes == 8 ? -1L : 0xffffffffL;
    }

    static End endOf(long gpa) {
        return isRam(gpa) ? End.at(Rig.BACKING + gpa) : End.mmio(gpa);
    }

    /** Flags that a successful access must have left: lowest 0 bit is missing. */
    String missingFlags(long gva, int access) {
        StringBuilder missing = new StringBuilder();
        walk(gva, access, (address, bytes, leaf) -> {
            long entry = entryAt(address, bytes);
            if ((entry & 0x20) == 0) {
                missing.append(" A at ").append(Long.toHexString(address));
            }
            if (leaf && (access & Access.WRITE) != 0 && (entry & 0x40) == 0) {
                missing.append(" D at ").append(Long.toHexString(address));
            }
        });
        return missing.toString();
    }

    private interface Visitor {
        void entry(long address, int bytes, boolean leaf);
    }

    End access(long gva, int access) {
        return walk(gva, access, (address, bytes, leaf) -> {});
    }

    private End walk(long gva, int access, Visitor visitor) {
        if ((cpu.cr0 & 1L << 31) == 0) {
            return endOf(gva);
        }
        boolean lma = (cpu.efer & 1 << 10) != 0;
        boolean pae = (cpu.cr4 & 1 << 5) != 0;
        boolean nxe = (cpu.efer & 1 << 11) != 0 && (lma || pae);
        boolean smep = (cpu.cr4 & 1 << 20) != 0;
        int levels = lma ? (cpu.cr4 & 1 << 12) != 0 ? 5 : 4 : pae ? 3 : 2;
        boolean user = (access & Access.USER) != 0;
        boolean write = (access & Access.WRITE) != 0;
        boolean fetch = (access & Access.EXECUTE) != 0;
        long code = (write ? 2 : 0) | (user ? 4 : 0) | (fetch && (nxe || smep) ? 16 : 0);
        boolean w = true;
        boolean u = true;
        boolean x = true;
        int bytes = pae || lma ? 8 : 4;
        int bits = pae || lma ? 9 : 10;
        long table = lma ? cpu.cr3 & (1L << physBits) - 1 & -4096 : cpu.cr3 & 0xfffff000L;
        int level = levels;
        if (levels == 3) {
            long pdpte = cpu.pdptes[(int) (gva >>> 30) & 3];
            if ((pdpte & 1) == 0) {
                return End.fault(code);
            }
            table = pdpte & (1L << physBits) - 1 & -4096;
            level = 2;
        }
        while (true) {
            int shift = 12 + bits * (level - 1);
            long address = table + (gva >>> shift & (1 << bits) - 1) * bytes;
            long entry = entryAt(address, bytes);
            if ((entry & 1) == 0) {
                return End.fault(code);
            }
            boolean ps = (entry & 1 << 7) != 0;
            boolean large = ps && (level == 3 || level == 2 && (bytes == 8 || (cpu.cr4 & 1 << 4) != 0));
            boolean bad = false;
            if (bytes == 8) {
                bad |= (entry >>> physBits & (1L << 52 - physBits) - 1) != 0;
                bad |= entry < 0 && !nxe;
                bad |= levels == 3 && (entry >>> 52 & 0x7ff) != 0;
                bad |= ps && level >= 4;
                bad |= large && (entry & (1L << shift) - 1 & ~0x1fffL) != 0;
            } else {
                bad |= large && (entry & 1 << 21) != 0;
            }
            if (bad) {
                return End.fault(code | 9);
            }
            w &= (entry & 2) != 0;
            u &= (entry & 4) != 0;
            x &= bytes == 4 || entry >= 0;
            boolean leaf = level == 1 || large;
            if (leaf) {
                boolean permitted;
                if (user) {
                    permitted = u && (!write || w) && (!fetch || x);
                } else if (fetch) {
                    permitted = x && !(u && smep);
                } else {
                    boolean smap = (cpu.cr4 & 1 << 21) != 0 && u && !cpu.ac;
                    permitted = !smap && (!write || w || (cpu.cr0 & 1 << 16) == 0);
                }
                if (!permitted) {
                    return End.fault(code | 1);
                }
                visitor.entry(address, bytes, true);
                long offset = gva & (1L << shift) - 1;
                long base = entry & (1L << Math.min(physBits, 8 * bytes)) - 1 & -(1L << shift);
                if (bytes == 4 && large) {
                    base = entry & 0xffc00000L | (entry >>> 13 & 0xff) << 32;
                }
                return endOf(base | offset);
            }
            visitor.entry(address, bytes, false);
            table = entry & (1L << Math.min(physBits, 8 * bytes)) - 1 & -4096;
            level--;
        }
    }
}
