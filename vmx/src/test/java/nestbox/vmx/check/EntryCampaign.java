package nestbox.vmx.check;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.UnsupportedFeatureException;
import nestbox.machine.Machine;
import nestbox.machine.MachineConfig;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.capability.VmxModels;
import nestbox.vmx.silicon.Hidden;
import nestbox.vmx.silicon.VmxProvider;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.CpuState;
import nestbox.x86.Flags;
import nestbox.x86.Reg;
import nestbox.x86.engine.Processor;
import nestbox.x86.engine.ReferenceEngine;
import nestbox.x86.engine.RootDoor;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.CpuModel;

/**
 * Random VMCSs on the silicon: valid ones with a few fields changed are launched, and what comes of it must be what the table of
 * checks says; a guest that is entered runs for a few instructions. Each state has a seed of its own.
 */
final class EntryCampaign {
    private static final long VMXON_REGION = 0x40_0000;
    private static final long VMCS_REGION = 0x40_1000;
    private static final long OPERAND = 0x40_2000;
    private static final long TABLES = 0x2000;
    /** Neighbouring seeds of {@link Random} begin alike; multiples of this do not. */
    private static final long SPREAD = 0x9e37_79b9_7f4a_7c15L;

    private static final int GUEST_INSTRUCTIONS = 32;
    private static final int ERRORS = 0x8000_0000;

    /** What CPUID, loads, stores, I/O and HLT in the guest lead to. */
    private static final int[] CODE = {0x0f, 0xa2, 0x8b, 0x06, 0x89, 0x07, 0xe4, 0x80, 0x0f, 0x31, 0xf4, 0xeb, 0xf2};

    private final VmxModel model;
    private final Cpu cpu;
    private final PhysicalMemory memory;
    private final RootDoor door;
    private final ModelMsrs msrs;
    private final byte[] start;
    private final Insn vmclear;
    private final Insn vmptrld;
    private final Insn vmwrite;
    private final Insn vmread;
    private final Insn vmlaunch;
    private final Guests[] guests;
    private final Map<String, Integer> outcomes = new TreeMap<>();

    EntryCampaign(String name) {
        CpuModel features = CpuModel.parse(name);
        Machine machine = new Machine(MachineConfig.builder(features)
                .memoryBytes(16 << 20)
                .tlbPolicy("keep")
                .virtualization(new VmxProvider())
                .build());
        model = VmxModel.of(features, VmxModels.features(features, Hidden.features()));
        msrs = new ModelMsrs(features);
        cpu = machine.cpu(0);
        memory = machine.memory();
        Decoder decoder = new Decoder(features);
        ReferenceEngine engine = new ReferenceEngine(cpu, decoder);
        door = new RootDoor(new Processor(cpu, engine, engine), decoder);
        guests = model.has(VmxFeature.UNRESTRICTED_GUEST)
                ? new Guests[] {Guests.LONG, Guests.PAE, Guests.VIRTUAL_8086, Guests.REAL}
                : new Guests[] {Guests.LONG, Guests.PAE, Guests.VIRTUAL_8086};
        vmclear = door.instruction("vmclear [rax]");
        vmptrld = door.instruction("vmptrld [rax]");
        vmwrite = door.instruction("vmwrite rcx, rax");
        vmread = door.instruction("vmread rax, rcx");
        vmlaunch = door.instruction("vmlaunch");
        boot();
        StateWriter state = new StateWriter();
        CpuState.save(cpu, state);
        cpu.extension.save(state);
        start = state.toByteArray();
    }

    private void boot() {
        tables();
        cpu.activity = Cpu.ACTIVE;
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_NE | Cpu.CR0_ET | Cpu.CR0_PG;
        cpu.cr3 = TABLES;
        cpu.cr4 = Cpu.CR4_PAE | Cpu.CR4_VMXE;
        cpu.efer = Cpu.EFER_LME | Cpu.EFER_LMA;
        cpu.rights[Reg.CS] = 0xa09b;
        cpu.cpl = 0;
        cpu.setRflags(2);
        cpu.updateMode();
        cpu.mem.port().control().invalidateAll();
        cpu.r[Reg.RCX] = 0x3a;
        cpu.r[Reg.RAX] = 5;
        cpu.r[Reg.RDX] = 0;
        door.execute(door.instruction("wrmsr"));
        pointer(door.instruction("vmxon [rax]"), VMXON_REGION);
    }

    /** The host's and the guests' tables map the first 16 MBytes one to one; so does the EPT. */
    private void tables() {
        memory.write(VMXON_REGION, 4, VmxCapability.REVISION);
        memory.write(VMCS_REGION, 4, VmxCapability.REVISION);
        for (long root : new long[] {TABLES, 0x3000, 0x5000}) {
            long rights = root == 0x5000 ? 7 : 0x27;
            long at = 0x20_0000 + root * 4;
            memory.write(root, 8, at | rights);
            memory.write(at, 8, at + 0x1000 | rights);
            for (int i = 0; i < 8; i++) {
                memory.write(at + 0x1000 + 8L * i, 8, (long) i << 21 | (root == 0x5000 ? 0xb7 : 0xe7));
            }
        }
        for (int i = 0; i < CODE.length; i++) {
            memory.write(0x1000 + i, 1, CODE[i]);
        }
    }

    private void pointer(Insn in, long address) {
        memory.write(OPERAND, 8, address);
        cpu.r[Reg.RAX] = OPERAND;
        door.execute(in);
        if ((cpu.rflags() & (Flags.CF | Flags.ZF)) != 0) {
            throw new IllegalStateException("VMfail of " + in);
        }
    }

    private long read(VmcsField field) {
        cpu.r[Reg.RCX] = field.encoding();
        door.execute(vmread);
        return cpu.r[Reg.RAX];
    }

    /** The checks look at the VMCS as it was written and at the processor's own memory and MSRs. */
    private CheckContext context(TestState state) {
        return new SiliconView(state, memory, msrs);
    }

    /** How often each outcome came. */
    Map<String, Integer> outcomes() {
        return outcomes;
    }

    /**
     * Launches one random state.
     *
     * @throws AssertionError if the outcome is not the one that the checks foretell, or none of the architecture's
     */
    void run(long seed) {
        Random random = new Random(seed * SPREAD);
        tables();
        StateReader in = new StateReader(start);
        CpuState.restore(cpu, in);
        cpu.extension.restore(in);
        cpu.event.active = false;
        TestState state = guests[random.nextInt(guests.length)].state(model);
        poke(state);
        for (int changes = random.nextInt(5); changes > 0; changes--) {
            VmcsField field = VmcsField.values()[random.nextInt(VmcsField.count())];
            if (model.has(field) && field.group() != VmcsField.Group.READ_ONLY) {
                state.set(field, state.peek(field) ^ CheckPropertyTest.pattern(random));
            }
        }
        pointer(vmclear, VMCS_REGION);
        pointer(vmptrld, VMCS_REGION);
        for (VmcsField field : VmcsField.values()) {
            if (model.has(field) && field.group() != VmcsField.Group.READ_ONLY) {
                cpu.r[Reg.RCX] = field.encoding();
                cpu.r[Reg.RAX] = state.peek(field);
                door.execute(vmwrite);
            }
        }
        CheckFailure foretold = EntryChecks.first(context(state), CheckOrder.MANUAL);
        String outcome = launch(foretold);
        outcomes.merge(outcome, 1, Integer::sum);
    }

    private void poke(TestState state) {
        memory.write(TestState.SHADOW, 4, VmxCapability.REVISION);
        memory.write(TestState.SHADOW + 4, 4, 0);
        boolean pae = (state.peek(VmcsField.VM_ENTRY_CONTROLS) & VmxFeature.IA32E_MODE_GUEST.mask()) == 0;
        if (pae) {
            for (int i = 0; i < 4; i++) {
                memory.write(0x3000 + 8L * i, 8, 0x20_d001);
            }
        }
    }

    private String launch(CheckFailure foretold) {
        try {
            door.enter(vmlaunch, 0);
            if (!cpu.switchedWorlds) {
                long flags = cpu.rflags() & (Flags.CF | Flags.ZF);
                Failure seen = flags == Flags.CF
                        ? Failure.INVALID
                        : new Failure(Failure.Kind.VMFAIL_VALID, (int) read(VmcsField.VM_INSTRUCTION_ERROR), 0);
                agree(foretold, seen);
                return seen.text();
            }
            boolean left = cpu.leftGuest || door.run(GUEST_INSTRUCTIONS);
            if (cpu.activity == Cpu.SHUTDOWN && left) {
                return "VMX abort or shutdown";
            }
            if (!left) {
                agree(foretold, null);
                return "entered, runs on";
            }
            int reason = (int) reason();
            if ((reason & ERRORS) != 0) {
                agree(foretold, new Failure(Failure.Kind.ENTRY_FAILURE, reason & 0xffff, qualification()));
                return "exit " + (reason & 0xffff) + " at entry";
            }
            agree(foretold, null);
            if (ExitReason.byNumber(reason) == null) {
                throw new AssertionError("exit reason " + reason);
            }
            return "entered, " + ExitReason.byNumber(reason);
        } catch (UnsupportedFeatureException e) {
            return "refused by name: " + e.subject();
        }
    }

    /** After an exit the host state may be anything, so that VMREAD may not be possible any more. */
    private long reason() {
        return inSnapshot(VmcsField.VM_EXIT_REASON);
    }

    private long qualification() {
        return inSnapshot(VmcsField.EXIT_QUALIFICATION);
    }

    private long inSnapshot(VmcsField field) {
        cpu.efer = Cpu.EFER_LME | Cpu.EFER_LMA;
        cpu.cr0 = Cpu.CR0_PE | Cpu.CR0_NE | Cpu.CR0_ET | Cpu.CR0_PG;
        cpu.cr4 = Cpu.CR4_PAE | Cpu.CR4_VMXE;
        cpu.rights[Reg.CS] = 0xa09b;
        cpu.cpl = 0;
        cpu.setRflags(2);
        cpu.updateMode();
        return read(field);
    }

    private static void agree(CheckFailure foretold, Failure seen) {
        Failure expected = foretold == null ? null : foretold.failure();
        if (expected == null ? seen != null : !expected.equals(seen) && !earlierEntry(expected, seen)) {
            throw new AssertionError("foretold " + (foretold == null ? "entry" : foretold.text()) + ", seen "
                    + (seen == null ? "entry" : seen.text()));
        }
    }

    /** Entries are loaded in order, and one before the foretold may be refused by a rule of WRMSR that needs the processor's state. */
    private static boolean earlierEntry(Failure expected, Failure seen) {
        return seen != null
                && expected.number() == ExitReason.MSR_LOAD_FAIL.number()
                && seen.number() == expected.number()
                && seen.qualification() < expected.qualification();
    }

    /** Runs states of seeds from {@code first} on. */
    void run(long first, int states) {
        for (long seed = first; seed < first + states; seed++) {
            try {
                run(seed);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("state " + seed + " on " + model.cpu().modelName() + ": " + e, e);
            }
        }
    }
}
