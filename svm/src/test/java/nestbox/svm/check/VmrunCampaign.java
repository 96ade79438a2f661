package nestbox.svm.check;

import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.UnsupportedFeatureException;
import nestbox.svm.Lab;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.CpuState;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.engine.RootDoor;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.system.ControlRegisters;
import nestbox.x86.system.MsrTable;

/**
 * Random VMCBs on the silicon: valid ones of several modes with a few fields changed are run, and what comes of it must be what
 * the table of checks says; a guest that is entered runs for a few instructions. Each state has a seed of its own.
 */
final class VmrunCampaign {
    /** Neighbouring seeds of {@link Random} begin alike; multiples of this do not. */
    private static final long SPREAD = 0x9e37_79b9_7f4a_7c15L;

    private static final int GUEST_INSTRUCTIONS = 32;
    private static final int LOW_MEMORY = 0x32000;
    private static final long PDPT = 0x30000;
    private static final int CODE32 = 0xc9b;
    private static final int CODE16 = 0x9b;
    private static final int DATA16 = 0x93;
    private static final int USER16 = 0xf3;

    /** What CPUID, loads, stores, I/O, RDTSC, VMMCALL and HLT in the guest lead to, in code of any size. */
    private static final int[] CODE = {
        0x0f, 0xa2, 0x8b, 0x06, 0x89, 0x07, 0xe4, 0x80, 0x0f, 0x31, 0x0f, 0x01, 0xd9, 0xf4, 0xeb, 0xef
    };

    private final String model;
    private final Lab lab;
    private final byte[] image = new byte[LOW_MEMORY];
    private final byte[] present = new byte[LOW_MEMORY];
    private final byte[] start;
    private final RootDoor door;
    private final Insn vmrun;
    private final Map<String, Integer> outcomes = new TreeMap<>();

    VmrunCampaign(String model) {
        this.model = model;
        lab = Lab.of(model);
        lab.cpu.efer |= Cpu.EFER_SVME;
        for (int i = 0; i < CODE.length; i++) {
            lab.memory.write(Lab.GUEST + i, 1, CODE[i]);
        }
        for (int i = 0; i < 4; i++) {
            lab.memory.write(PDPT + 8L * i, 8, Lab.TABLES + 0x2000 | 1);
        }
        lab.memory.copyOut(0, image, 0, LOW_MEMORY);
        door = lab.door();
        vmrun = door.instruction("vmrun");
        StateWriter state = new StateWriter();
        CpuState.save(lab.cpu, state);
        lab.cpu.extension.save(state);
        start = state.toByteArray();
    }

    /** How often each outcome came. */
    Map<String, Integer> outcomes() {
        return outcomes;
    }

    /** Runs states of seeds from {@code first} on. */
    void run(long first, int states) {
        for (long seed = first; seed < first + states; seed++) {
            try {
                outcomes.merge(run(new Random(seed * SPREAD)), 1, Integer::sum);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("state " + seed + " on " + model + ": " + e, e);
            }
        }
    }

    private String run(Random random) {
        reset();
        mode(random);
        policies(random);
        for (int changes = random.nextInt(5); changes > 0; changes--) {
            change(random);
        }
        lab.vmcb.commit();
        VmrunCheck foretold = VmrunChecks.first(new View());
        try {
            return outcome(foretold);
        } catch (UnsupportedFeatureException e) {
            return "refused by name: " + e.subject();
        }
    }

    private void reset() {
        lab.memory.copyOut(0, present, 0, LOW_MEMORY);
        for (int page = 0; page < LOW_MEMORY; page += 0x1000) {
            if (!Arrays.equals(present, page, page + 0x1000, image, page, page + 0x1000)) {
                lab.memory.copyIn(page, image, page, 0x1000);
            }
        }
        StateReader in = new StateReader(start);
        CpuState.restore(lab.cpu, in);
        lab.cpu.extension.restore(in);
        lab.cpu.event.active = false;
        lab.vmcb.attach(Lab.VMCB);
    }

    /** 64-bit, compatibility, PAE, 2-level and unpaged protected mode, real mode and virtual-8086 mode. */
    private void mode(Random random) {
        switch (random.nextInt(7)) {
            case 0 -> legacy(CODE32, 0, Cpu.CR0_PG, Cpu.CR4_PAE, PDPT);
            case 1 -> legacy(CODE32, 0, Cpu.CR0_PG, Cpu.CR4_PSE, Lab.TABLES);
            case 2 -> legacy(CODE32, 0, 0, 0, 0);
            case 3 -> lab.vmcb.setSegment(VmcbSegment.CS, 8, CODE32, 0xffffffffL, 0);
            case 4 -> real(Cpu.CR0_ET, 2, CODE16, DATA16);
            case 5 -> {
                real(Cpu.CR0_ET | Cpu.CR0_PE, Flags.VM | 2, USER16, USER16);
                lab.set(VmcbField.CPL, 3);
            }
            default -> {}
        }
    }

    private void legacy(int code, int efer, long paging, long cr4, long cr3) {
        lab.set(VmcbField.EFER, Cpu.EFER_SVME | efer).set(VmcbField.CR0, Cpu.CR0_PE | Cpu.CR0_ET | paging);
        lab.set(VmcbField.CR4, cr4).set(VmcbField.CR3, cr3);
        lab.vmcb.setSegment(VmcbSegment.CS, 8, code, 0xffffffffL, 0);
    }

    private void real(long cr0, long rflags, int code, int data) {
        legacy(code, 0, 0, 0, 0);
        lab.set(VmcbField.CR0, cr0).set(VmcbField.RFLAGS, rflags);
        for (VmcbSegment segment : new VmcbSegment[] {VmcbSegment.ES, VmcbSegment.SS, VmcbSegment.DS}) {
            lab.vmcb.setSegment(segment, 0, data, 0xffff, 0);
        }
        lab.vmcb.setSegment(VmcbSegment.CS, 0, code, 0xffff, 0);
    }

    private void policies(Random random) {
        if (random.nextBoolean() && lab.cpu.features.has(Feature.NPT)) {
            lab.nested();
        }
        lab.set(VmcbField.GUEST_ASID, 1 + random.nextInt(3));
        lab.set(VmcbField.TLB_CONTROL, random.nextInt(8));
        lab.intercept(0x7f).intercept(0x78).intercept(0x81);
        if (random.nextInt(4) != 0) {
            lab.set(VmcbField.INTERCEPT_EXCEPTION, random.nextBoolean() ? -1 : random.nextInt());
        }
        if (random.nextInt(4) == 0) {
            int type = random.nextInt(8);
            long event = random.nextInt(40) | (long) type << 8 | 1L << 31;
            lab.set(VmcbField.EVENTINJ, event | (random.nextBoolean() ? 1 << 11 : 0));
        }
    }

    private void change(Random random) {
        switch (random.nextInt(12)) {
            case 0 -> lab.vmcb.set(VmcbSegment.ES.offset() + random.nextInt(0xa0), 1, random.nextInt());
            case 1 -> lab.memory.write(PDPT + random.nextInt(4) * 8, 8, random.nextLong());
            case 2 -> lab.cpu.userCet = random.nextInt(2);
            case 3 -> lab.memory.write(Lab.nestedEntry(random.nextInt(0x31000)), 8, random.nextLong());
            case 4 -> lab.vmcb.set(4 * random.nextInt(6), 4, random.nextInt());
            default -> {
                VmcbField[] fields = VmcbField.values();
                VmcbField field = fields[random.nextInt(fields.length)];
                int bytes = Math.min(field.bytes(), 8);
                lab.vmcb.set(field.offset(), bytes, lab.vmcb.get(field.offset(), bytes) ^ pattern(random));
            }
        }
    }

    private static long pattern(Random random) {
        return switch (random.nextInt(4)) {
            case 0 -> 1L << random.nextInt(64);
            case 1 -> 1L << random.nextInt(16);
            case 2 -> random.nextLong();
            default -> -1L << random.nextInt(64);
        };
    }

    private String outcome(VmrunCheck foretold) {
        Cpu cpu = lab.cpu;
        cpu.r[Reg.RAX] = Lab.VMCB;
        boolean left = door.enter(vmrun, GUEST_INSTRUCTIONS);
        lab.vmcb.attach(Lab.VMCB);
        boolean invalid = left && lab.exitCode() == ExitCode.INVALID.code();
        if (invalid != (foretold != null)) {
            throw new AssertionError("foretold " + (foretold == null ? "a guest" : foretold) + ", seen "
                    + (left ? ExitCode.name(lab.exitCode()) : "a guest"));
        }
        if (!left) {
            return cpu.activity == Cpu.SHUTDOWN ? "shutdown" : "runs on";
        }
        ExitCode code = ExitCode.of(lab.exitCode());
        if (code == null) {
            throw new AssertionError("exit code " + ExitCode.name(lab.exitCode()));
        }
        return code.name();
    }

    /** The VMCB as it lies in memory and the processor that runs it. */
    private final class View implements CheckContext {
        private final Vmcb vmcb = new Vmcb(lab.memory);

        View() {
            vmcb.attach(Lab.VMCB);
        }

        @Override
        public long get(VmcbField field) {
            return vmcb.get(field);
        }

        @Override
        public int attributes(VmcbSegment segment) {
            return vmcb.attributes(segment);
        }

        @Override
        public CpuFeatures features() {
            return lab.cpu.features;
        }

        @Override
        public long cr4Bits() {
            return ControlRegisters.cr4Mask(lab.cpu.features);
        }

        @Override
        public long eferBits() {
            return ControlRegisters.eferMask(lab.cpu.features) | Cpu.EFER_SVME;
        }

        @Override
        public long shadowStackBits() {
            return MsrTable.cetBits(lab.cpu.features);
        }

        @Override
        public long userShadowStack() {
            return lab.cpu.userCet;
        }

        @Override
        public boolean hostPaging() {
            return true;
        }

        @Override
        public boolean hostLongMode() {
            return true;
        }

        @Override
        public long readPhysical(long address, int bytes) {
            return lab.memory.read(address, bytes);
        }
    }
}
