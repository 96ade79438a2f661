package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.Vendor;

/** A {@link SystemBench} in 64-bit mode with 4-KByte pages, two of which are shadow stacks, and CR4.CET set. */
final class CetBench {
    /** Pages: writable for everybody but for these. */
    static final int USER_STACK = 0x20000;

    static final int SUPERVISOR_STACK = 0x21000;
    /** Read-only and not dirty. */
    static final int READ_ONLY = 0x22000;
    /** Writable and dirty, supervisor only. */
    static final int SUPERVISOR_DATA = 0x23000;
    /** Would be a shadow stack, but an entry above is read-only. */
    static final int BELOW_READ_ONLY = 0x200000;

    private static final int DIRECTORY = SystemBench.TABLES + 0x2000;
    private static final int TABLE = SystemBench.TABLES + 0x3000;
    private static final int TABLE2 = SystemBench.TABLES + 0x4000;

    final SystemBench b;
    final Cpu cpu;

    CetBench(int cpl) {
        b = SystemBench.longMode(Vendor.INTEL, cpl);
        cpu = b.cpu;
        b.write(SystemBench.TABLES + 0x1000, 8, DIRECTORY | 7);
        b.write(DIRECTORY, 8, TABLE | 7);
        b.write(DIRECTORY + 8, 8, TABLE2 | 5);
        for (int i = 0; i < 256; i++) {
            b.write(TABLE + 8 * i, 8, (long) i << 12 | 0x67);
        }
        page(USER_STACK, 0x65);
        page(SUPERVISOR_STACK, 0x61);
        page(READ_ONLY, 0x25);
        page(SUPERVISOR_DATA, 0x63);
        b.write(TABLE2, 8, 0x24000 | 0x65);
        cpu.cr4 |= Cpu.CR4_CET;
        cpu.mem.port().control().invalidateAll();
        for (int vector = 0; vector < 64; vector++) {
            b.idt64(vector, SystemBench.gate(0xee, SystemBench.LONG_CODE0, 0x6000 + 16 * vector));
        }
        cpu.levelSsp[3] = USER_STACK + 0x800;
        cpu.levelSsp[0] = SUPERVISOR_STACK + 0xff8;
        b.write(SUPERVISOR_STACK + 0xff8, 8, SUPERVISOR_STACK + 0xff8);
        cpu.ssp = cpl == 3 ? USER_STACK + 0x800 : SUPERVISOR_STACK + 0x800;
        cpu.updateMode();
    }

    void page(int address, int flags) {
        b.write(TABLE + 8 * (address >>> 12), 8, address | flags);
    }

    /** With shadow stacks at both levels. */
    static CetBench shadowStacks(int cpl) {
        CetBench bench = new CetBench(cpl);
        bench.msr(0x6a0, Cet.SH_STK_EN);
        bench.msr(0x6a2, Cet.SH_STK_EN);
        return bench;
    }

    /** With indirect-branch tracking at both levels. */
    static CetBench tracking(int cpl, long more) {
        CetBench bench = new CetBench(cpl);
        bench.msr(0x6a0, Cet.ENDBR_EN | more);
        bench.msr(0x6a2, Cet.ENDBR_EN | more);
        return bench;
    }

    /** Writes an MSR: "ok" or the exception. */
    String msr(int index, long value) {
        try {
            cpu.msrs.write(index, value);
            return "ok";
        } catch (nestbox.x86.GuestFault f) {
            return SystemBench.text(f);
        }
    }

    /** Delivers an external interrupt between two instructions. */
    void interrupt(int vector) {
        cpu.rip = SystemBench.CODE_AT;
        Exceptions.externalInterrupt(cpu, vector);
    }

    /** The 8-byte value {@code above} bytes above SSP. */
    long shadow(int above) {
        return b.read(cpu.ssp + above, 8);
    }

    void push(long value) {
        cpu.r[Reg.RSP] -= 8;
        b.write(cpu.r[Reg.RSP], 8, value);
    }
}
