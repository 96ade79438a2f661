package nestbox.machine.load;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;

/**
 * The processor state in which an image starts (Multiboot Specification 0.6.96, "Machine state"; Linux documentation, "32-bit
 * Boot Protocol" and "64-bit Boot Protocol").
 */
public final class BootState {
    private static final int CODE_SELECTOR = 8;
    private static final int DATA_SELECTOR = 16;
    private static final int CODE_RIGHTS = 0x9b | Cpu.RIGHTS_DB | Cpu.RIGHTS_G;
    private static final int CODE64_RIGHTS = 0x9b | Cpu.RIGHTS_L | Cpu.RIGHTS_G;
    private static final int DATA_RIGHTS = 0x93 | Cpu.RIGHTS_DB | Cpu.RIGHTS_G;

    private BootState() {}

    /** Real mode at {@code cs:ip}, interrupts off, all other segments at 0. */
    public static void realMode(Cpu cpu, int cs, int ip) {
        cpu.cr0 = Cpu.CR0_ET;
        cpu.cpl = 0;
        cpu.rip = ip;
        for (int seg = Reg.ES; seg <= Reg.GS; seg++) {
            cpu.selector[seg] = seg == Reg.CS ? cs : 0;
            cpu.base[seg] = (long) cpu.selector[seg] << 4;
            cpu.limit[seg] = 0xffff;
            cpu.rights[seg] = 0x93;
        }
        finish(cpu);
    }

    /** What every start has in common; firmware has initialised the x87 by then, as its exceptions are unmasked after RESET. */
    private static void finish(Cpu cpu) {
        cpu.fpu.init();
        cpu.activity = Cpu.ACTIVE;
        cpu.unpend(Cpu.PENDING_INACTIVE | Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP);
        cpu.setRflags(Flags.FIXED);
        cpu.updateMode();
        cpu.mem.port().control().invalidateAll();
        cpu.updatePending();
    }

    /** 32-bit protected mode without paging, flat segments, interrupts off; EAX and EBX as the specification says. */
    public static void multiboot(Cpu cpu, Multiboot.Loaded loaded) {
        flat(cpu, CODE_SELECTOR, DATA_SELECTOR, CODE_RIGHTS);
        cpu.r[Reg.RAX] = Multiboot.BOOT_MAGIC;
        cpu.r[Reg.RBX] = loaded.info();
        cpu.rip = loaded.entry();
        finish(cpu);
    }

    /** Flat segments from the loader's table, interrupts off, RSI at the zero page; 64-bit mode with its identity map. */
    public static void linux(Cpu cpu, LinuxBoot.Loaded loaded) {
        flat(cpu, LinuxBoot.CODE_SELECTOR, LinuxBoot.DATA_SELECTOR, loaded.longMode() ? CODE64_RIGHTS : CODE_RIGHTS);
        cpu.gdtBase = LinuxBoot.GDT;
        cpu.gdtLimit = LinuxBoot.GDT_LIMIT;
        cpu.r[Reg.RSI] = loaded.zeroPage();
        cpu.rip = loaded.entry();
        if (loaded.longMode()) {
            cpu.cr0 |= Cpu.CR0_PG;
            cpu.cr3 = LinuxBoot.PAGE_TABLES;
            cpu.cr4 = Cpu.CR4_PAE;
            cpu.efer = Cpu.EFER_LME | Cpu.EFER_LMA;
        }
        finish(cpu);
    }

    private static void flat(Cpu cpu, int code, int data, int codeRights) {
        java.util.Arrays.fill(cpu.r, 0);
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_ET;
        cpu.cr3 = 0;
        cpu.cr4 = 0;
        cpu.efer = 0;
        cpu.cpl = 0;
        for (int seg = Reg.ES; seg <= Reg.GS; seg++) {
            cpu.selector[seg] = seg == Reg.CS ? code : data;
            cpu.base[seg] = 0;
            cpu.limit[seg] = 0xffffffffL;
            cpu.rights[seg] = seg == Reg.CS ? codeRights : DATA_RIGHTS;
        }
    }
}
