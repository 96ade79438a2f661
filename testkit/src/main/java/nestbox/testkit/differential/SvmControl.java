package nestbox.testkit.differential;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import nestbox.core.Seed;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;

/** L1's control by SVM: two VMCBs. */
final class SvmControl extends NestedControl {
    private static final long READ_CR0 = 1;
    private static final long READ_CR4 = 1 << 4;
    private static final long WRITE_CR0 = 1 << 16;
    private static final long WRITE_CR3 = 1 << 19;
    private static final long WRITE_CR4 = 1 << 20;
    /** CR0, CR3 and CR4, read and written. */
    private static final long FREE_CR = READ_CR0 | 1 << 3 | READ_CR4 | WRITE_CR0 | WRITE_CR3 | WRITE_CR4;

    private static final long INTR = 1;
    private static final long VINTR = 1 << 4;
    private static final long CR0_SELECTIVE = 1 << 5;
    private static final long RDTSC = 1 << 14;
    private static final long HLT = 1 << 24;
    private static final long INVLPG = 1 << 25;
    private static final long MSR_PROT = 1 << 28;
    private static final long SHUTDOWN = 1L << 31;
    /** INTR, NMI, CR0 selective, IDTR, GDTR, RDPMC, CPUID, INTn, PAUSE, HLT, INVLPG, IOIO, MSR. */
    private static final long FREE = INTR
            | 1 << 1
            | CR0_SELECTIVE
            | 1 << 6
            | 1 << 7
            | 1 << 10
            | 1 << 11
            | 1 << 15
            | 1 << 18
            | 1 << 21
            | 1 << 23
            | HLT
            | INVLPG
            | 1 << 27
            | MSR_PROT;

    /** VMRUN, VMMCALL, VMLOAD, VMSAVE. */
    private static final long NEEDED2 = 0xf;

    private static final long MWAIT = 1 << 11;
    /** ICEBP, WBINVD, MONITOR, MWAIT, XSETBV. */
    private static final long FREE2 = 1 << 8 | 1 << 9 | 1 << 10 | MWAIT | 1 << 13;

    private static final long INVPCID = 1 << 2;
    private static final long MASKING = 1 << 24;
    private static final long VIRTUAL_INTERRUPT = 1 << 8 | 1 << 20;
    private static final int FLUSH_ALL = 1;
    private static final int FLUSH_THIS = 3;
    private static final int[] EXIT_OFFSETS = {
        0x70, 0x78, 0x80, 0x88, 0xc8, 0x578, 0x5d8, 0x570, 0x558, 0x550, 0x548, 0x4d0, 0x640, 0x68, 0x60, 0xa8, 0x560,
        0x568, 0x5f8, 0x410, 0x420, 0x4c8
    };

    private final SvmProbes probes;
    private final long[] cr = new long[GUESTS];
    private final long[] misc1 = new long[GUESTS];
    private final long[] misc2 = new long[GUESTS];
    private final long[] misc3 = new long[GUESTS];
    private final long[] interrupts = new long[GUESTS];
    private final boolean takesEfer;

    SvmControl(NestedImage image, Shape shape, Stage stage, Seed random) {
        super(image, shape, stage, random);
        takesEfer = chance(50);
        for (int guest = 0; guest < GUESTS; guest++) {
            cr[guest] = few() & FREE_CR;
            misc1[guest] = SHUTDOWN | RDTSC | random.nextLong() & FREE;
            misc2[guest] = NEEDED2 | random.nextLong() & FREE2;
            misc3[guest] = chance(30) ? INVPCID : 0;
            interrupts[guest] = chance(60) ? MASKING : 0;
        }
        probes = new SvmProbes(random, image, shape);
    }

    // ---- the start
    // ------------------------------------------------------------------------------------------------------

    @Override
    void fill(Map<Long, Long> words, long root) {
        for (int guest = 0; guest < GUESTS; guest++) {
            byte[] vmcb = vmcb(guest, root);
            for (int at = 0; at < vmcb.length; at += 8) {
                long word = 0;
                for (int i = 7; i >= 0; i--) {
                    word = word << 8 | vmcb[at + i] & 0xff;
                }
                if (word != 0) {
                    words.put(NestedLayout.control(guest) + at, word);
                }
                // What puts the guest back to CPL 0.
                boolean segment = at >= VmcbSegment.ES.offset() && at < VmcbSegment.FS.offset();
                if (segment) {
                    words.put(NestedLayout.FIELDS + 0x1000L * guest + at - VmcbSegment.ES.offset(), word);
                }
            }
        }
        for (int i = 0; i <= EXIT_OFFSETS.length; i += 2) {
            words.put(NestedLayout.EXIT_FIELDS + 4L * i, offset(i) & 0xffffffffL | offset(i + 1) << 32);
        }
        long at = NestedLayout.PROBE_FIELDS;
        for (Map.Entry<Integer, Long> field : probes.fields().entrySet()) {
            words.put(at, (long) field.getKey());
            words.put(at + 8, field.getValue());
            at += 16;
        }
        words.put(at, -1L);
        if (takesEfer) {
            words.put(NestedLayout.MSRS + 0x820, 3L);
        }
    }

    private static long offset(int index) {
        return index < EXIT_OFFSETS.length ? EXIT_OFFSETS[index] : -1;
    }

    private byte[] vmcb(int guest, long root) {
        byte[] vmcb = new byte[0x1000];
        put(vmcb, 0x0, 4, cr[guest]);
        put(vmcb, 0xc, 4, misc1[guest]);
        put(vmcb, 0x10, 4, misc2[guest]);
        put(vmcb, 0x14, 4, misc3[guest]);
        put(vmcb, VmcbField.IOPM_BASE_PA.offset(), 8, NestedLayout.PORTS);
        put(vmcb, VmcbField.MSRPM_BASE_PA.offset(), 8, NestedLayout.MSRS);
        put(vmcb, VmcbField.TSC_OFFSET.offset(), 8, 0x123456);
        put(vmcb, VmcbField.GUEST_ASID.offset(), 4, guest + 1);
        put(vmcb, VmcbField.INTERRUPT_CONTROL.offset(), 4, interrupts[guest]);
        if (stage != null) {
            put(vmcb, VmcbField.NESTED_CONTROL.offset(), 8, 1);
            put(vmcb, VmcbField.N_CR3.offset(), 8, Stage.root(sets[guest]));
            put(vmcb, VmcbField.G_PAT.offset(), 8, 0x0007040600070406L);
        }
        for (VmcbSegment segment : new VmcbSegment[] {VmcbSegment.ES, VmcbSegment.DS, VmcbSegment.FS, VmcbSegment.GS}) {
            segment(vmcb, segment, 0x2b, 0xcf3, 0xffffffffL, 0);
        }
        segment(vmcb, VmcbSegment.CS, shape.wide ? 0x18 : 8, shape.wide ? 0xa9b : 0xc9b, 0xffffffffL, 0);
        segment(vmcb, VmcbSegment.SS, 0x10, 0xc93, 0xffffffffL, 0);
        segment(vmcb, VmcbSegment.GDTR, 0, 0, 0xff, Layout.GDT);
        segment(vmcb, VmcbSegment.IDTR, 0, 0, 0xfff, Layout.IDT);
        segment(vmcb, VmcbSegment.LDTR, 0, 0, 0, 0);
        segment(vmcb, VmcbSegment.TR, 0x38 + 16 * guest, 0x8b, 0x67, Layout.TSS + 0x100L * guest);
        put(vmcb, VmcbField.EFER.offset(), 8, shape.wide ? 0x1d00 : 0x1800);
        put(vmcb, VmcbField.CR0.offset(), 8, 0x80010031L);
        put(vmcb, VmcbField.CR3.offset(), 8, root);
        put(vmcb, VmcbField.CR4.offset(), 8, shape.cr4());
        put(vmcb, VmcbField.DR6.offset(), 8, 0xffff0ff0L);
        put(vmcb, VmcbField.DR7.offset(), 8, 0x400);
        put(vmcb, VmcbField.RFLAGS.offset(), 8, 2);
        return vmcb;
    }

    private static void segment(byte[] vmcb, VmcbSegment segment, long selector, long rights, long limit, long base) {
        put(vmcb, segment.offset(), 2, selector);
        put(vmcb, segment.offset() + 2, 2, rights);
        put(vmcb, segment.offset() + 4, 4, limit);
        put(vmcb, segment.offset() + 8, 8, base);
    }

    private static void put(byte[] vmcb, int at, int bytes, long value) {
        for (int i = 0; i < bytes; i++) {
            vmcb[at + i] = (byte) (value >>> 8 * i);
        }
    }

    // ---- instead of the guest
    // -------------------------------------------------------------------------------------------

    private static NestedStep flip(int guest, VmcbField field, long bits) {
        return NestedStep.l1(L1Op.FLIP, NestedLayout.control(guest) + field.offset(), bits);
    }

    private static NestedStep store(int guest, VmcbField field, long value) {
        return NestedStep.l1(L1Op.STORE8, NestedLayout.control(guest) + field.offset(), value);
    }

    @Override
    List<NestedStep> instead(Step step) {
        int guest = step.cpu();
        if (!legal(step)) {
            return List.of();
        }
        boolean exits = switch (step.op()) {
            case CR0 -> (cr[guest] & (READ_CR0 | WRITE_CR0)) != 0 || (misc1[guest] & CR0_SELECTIVE) != 0;
            case CR3 -> (cr[guest] & WRITE_CR3) != 0;
            case CR4 -> (cr[guest] & (READ_CR4 | WRITE_CR4)) != 0;
            case EFER -> takesEfer && (misc1[guest] & MSR_PROT) != 0;
            case INVLPG -> (misc1[guest] & INVLPG) != 0;
            case INVPCID -> (misc3[guest] & INVPCID) != 0;
            default -> false;
        };
        if (!exits) {
            return List.of();
        }
        List<NestedStep> steps = new ArrayList<>();
        switch (step.op()) {
            case CR0 -> steps.add(flip(guest, VmcbField.CR0, step.a()));
            case CR3 -> steps.add(store(guest, VmcbField.CR3, step.a() & ~(1L << 63)));
            case CR4 -> steps.add(flip(guest, VmcbField.CR4, step.a()));
            case EFER -> steps.add(flip(guest, VmcbField.EFER, step.a()));
            default -> {}
        }
        if (step.op() == Op.INVLPG) {
            steps.addAll(flush(guest, step.a()));
        } else if (step.op() != Op.CR3 || step.a() >= 0) {
            steps.addAll(flush(guest));
        }
        return steps;
    }

    @Override
    List<NestedStep> flush(int guest) {
        return unlessForgotten(NestedStep.l1(
                L1Op.STORE1,
                NestedLayout.control(guest) + VmcbField.TLB_CONTROL.offset(),
                chance(70) ? FLUSH_THIS : FLUSH_ALL));
    }

    @Override
    List<NestedStep> flush(int guest, long page) {
        return chance(30) ? flush(guest) : unlessForgotten(NestedStep.l1(L1Op.INVLPGA, page, guest + 1));
    }

    @Override
    List<NestedStep> flushStage(int set) {
        List<NestedStep> steps = new ArrayList<>();
        for (int guest = 0; guest < GUESTS; guest++) {
            if (sets[guest] == set) {
                steps.addAll(flush(guest));
            }
        }
        return steps;
    }

    @Override
    List<NestedStep> switchStage(int guest) {
        List<NestedStep> steps = new ArrayList<>(List.of(store(guest, VmcbField.N_CR3, Stage.root(sets[guest]))));
        steps.addAll(flush(guest));
        return steps;
    }

    @Override
    boolean allowed(int guest, L2Op op) {
        return switch (op) {
            case HLT -> (misc1[guest] & HLT) != 0;
            case MWAIT -> (misc2[guest] & MWAIT) != 0;
            case TF, IPI_HLT, NMI -> false;
            default -> true;
        };
    }

    // ---- actions
    // --------------------------------------------------------------------------------------------------------

    @Override
    List<NestedStep> action(int guest) {
        return switch (random.nextInt(11)) {
            case 0 -> probes.probe(guest);
            case 1, 2 -> inject(guest);
            case 3 -> interrupt(guest);
            case 4 -> virtualInterrupt(guest);
            case 5, 6 -> reconfigure(guest);
            case 7 -> List.of(store(guest, VmcbField.TSC_OFFSET, random.nextInt(1 << 30)), nop(guest));
            case 8 -> List.of(NestedStep.l1(chance(50) ? L1Op.HOST : L1Op.DUMP));
            case 9 -> List.of(NestedStep.l1(L1Op.CLOSED, IPI), NestedStep.l1(L1Op.WINDOW));
            default -> wrong();
        };
    }

    private List<NestedStep> inject(int guest) {
        long[] plain = {0, 3, 4, 5, 6, 7, 16};
        long[] withError = {8, 10, 11, 12, 13, 14, 17};
        long event = switch (random.nextInt(5)) {
            case 0 -> 0x80000000L | pick(new long[] {0x90, 0x91});
            case 1 -> 0x80000200L | 2;
            case 2 -> 0x80000300L | pick(plain);
            case 3 -> 0x80000b00L | pick(withError) | (long) random.nextInt(0x8000) << 32;
            default -> 0x80000400L | 0x91;
        };
        return List.of(
                store(guest, VmcbField.NRIP, image.l2("next")),
                store(guest, VmcbField.EVENTINJ, event),
                NestedStep.l1(L1Op.ENTRY, chance(50) ? INTERRUPT_FLAG : 2),
                nop(guest));
    }

    private List<NestedStep> interrupt(int guest) {
        List<NestedStep> steps = new ArrayList<>();
        if (chance(70)) {
            steps.add(NestedStep.l1(L1Op.IPI, IPI));
            if (chance(70)) {
                steps.add(NestedStep.l1(L1Op.ENTRY, chance(70) ? INTERRUPT_FLAG : 2, chance(40) ? 1 : 0));
                steps.add(nop(guest));
            }
        } else {
            steps.add(NestedStep.l2(guest, chance(50) && interruptEndsHalt(guest) ? L2Op.IPI_HLT : L2Op.NMI));
        }
        steps.add(NestedStep.l1(L1Op.WINDOW));
        steps.add(NestedStep.l1(L1Op.STORE4, EOI, 0));
        return steps;
    }

    /** With V_INTR_MASKING L1's flag lets an interrupt in that L1 does not take, before the HLT (APM Vol. 2, "Virtualizing RFLAGS.IF"). */
    private boolean interruptEndsHalt(int guest) {
        return (misc1[guest] & (HLT | INTR)) != 0 || (interrupts[guest] & MASKING) == 0;
    }

    private List<NestedStep> virtualInterrupt(int guest) {
        long word = VIRTUAL_INTERRUPT | (long) random.nextInt(16) << 16 | 0x91L << 32;
        boolean window = chance(50);
        NestedStep intercept = NestedStep.l1(L1Op.FLIP, NestedLayout.control(guest) + 8, VINTR << 32);
        List<NestedStep> steps = new ArrayList<>();
        if (window) {
            steps.add(intercept);
        }
        steps.add(store(guest, VmcbField.INTERRUPT_CONTROL, interrupts[guest] | word));
        steps.add(NestedStep.l1(L1Op.ENTRY, chance(70) ? INTERRUPT_FLAG : 2, chance(30) ? 1 : 0));
        steps.add(nop(guest));
        steps.add(store(guest, VmcbField.INTERRUPT_CONTROL, interrupts[guest]));
        if (window) {
            steps.add(intercept);
        }
        return steps;
    }

    private List<NestedStep> reconfigure(int guest) {
        long vmcb = NestedLayout.control(guest);
        switch (random.nextInt(5)) {
            case 0 -> {
                long bit = 1L << random.nextInt(32);
                if ((bit & FREE) == 0) {
                    return List.of();
                }
                misc1[guest] ^= bit;
                return List.of(NestedStep.l1(L1Op.FLIP, vmcb + 8, bit << 32));
            }
            case 1 -> {
                long bit = 1L << random.nextInt(32);
                if ((bit & FREE_CR) == 0) {
                    return List.of();
                }
                cr[guest] ^= bit;
                return List.of(NestedStep.l1(L1Op.FLIP, vmcb, bit));
            }
            case 2 -> {
                long bits = few() & 0x3ffff & ~4;
                return List.of(NestedStep.l1(L1Op.STORE4, vmcb + 8, bits));
            }
            case 3 -> {
                long port = pick(PORTS);
                return List.of(NestedStep.l1(L1Op.FLIP, NestedLayout.PORTS + (port >>> 3 & ~7), 1L << (port & 63)));
            }
            default -> {
                long msr = pick(MSRS);
                long bit = (msr > 0xffff ? 0x4000 : 0) + 2 * (msr & 0x1fff) + random.nextInt(2);
                return List.of(NestedStep.l1(L1Op.FLIP, NestedLayout.MSRS + (bit >>> 3 & ~7), 1L << (bit & 63)));
            }
        }
    }

    /** What fails. */
    private List<NestedStep> wrong() {
        long address = pick(new long[] {0x123, 1L << 52, NestedLayout.SPARE + 0x10});
        return switch (random.nextInt(4)) {
            case 0 -> List.of(NestedStep.l1(L1Op.VMRUN, address));
            case 1 -> List.of(NestedStep.l1(L1Op.VMSAVE, address));
            case 2 -> List.of(NestedStep.l1(L1Op.VMLOAD, address));
            default -> List.of(NestedStep.l1(L1Op.INVLPGA, random.nextLong(), random.nextInt(4)));
        };
    }
}
