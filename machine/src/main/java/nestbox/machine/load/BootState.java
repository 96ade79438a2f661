package nestbox.machine.load;

import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Reg;

/** The processor state in which an image starts (Multiboot Specification 0.6.96, "Machine state"). */
public final class BootState {
    private static final int CODE_SELECTOR = 8;
    private static final int DATA_SELECTOR = 16;
    private static final int CODE_RIGHTS = 0x9b | Cpu.RIGHTS_DB | Cpu.RIGHTS_G;
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

    private static void finish(Cpu cpu) {
        cpu.activity = Cpu.ACTIVE;
        cpu.unpend(Cpu.PENDING_INACTIVE | Cpu.PENDING_SHADOW | Cpu.PENDING_DEBUG_TRAP);
        cpu.setRflags(Flags.FIXED);
        cpu.updateMode();
        cpu.mem.port().control().invalidateAll();
        cpu.updatePending();
    }

    /** 32-bit protected mode without paging, flat segments, interrupts off; EAX and EBX as the specification says. */
    public static void multiboot(Cpu cpu, Multiboot.Loaded loaded) {
        java.util.Arrays.fill(cpu.r, 0);
        cpu.r[Reg.RAX] = Multiboot.BOOT_MAGIC;
        cpu.r[Reg.RBX] = loaded.info();
        cpu.rip = loaded.entry();
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_ET;
        cpu.cr3 = 0;
        cpu.cr4 = 0;
        cpu.efer = 0;
        cpu.cpl = 0;
        for (int seg = Reg.ES; seg <= Reg.GS; seg++) {
            cpu.selector[seg] = seg == Reg.CS ? CODE_SELECTOR : DATA_SELECTOR;
            cpu.base[seg] = 0;
            cpu.limit[seg] = 0xffffffffL;
            cpu.rights[seg] = seg == Reg.CS ? CODE_RIGHTS : DATA_RIGHTS;
        }
        finish(cpu);
    }
}
