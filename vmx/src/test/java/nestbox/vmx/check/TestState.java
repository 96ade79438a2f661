package nestbox.vmx.check;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** A VMCS and the state around it, set by tests; notes which fields were read. */
final class TestState implements CheckContext {
    static final long CURRENT = 0x10_0000;
    static final long VIRTUAL_APIC = 0x11_0000;
    static final long MSR_AREA = 0x12_0000;
    static final long SHADOW = 0x13_0000;

    private final VmxModel model;
    private final long[] values = new long[VmcsField.count()];
    private final Map<Long, Byte> memory = new HashMap<>();
    final Set<VmcsField> read = EnumSet.noneOf(VmcsField.class);
    boolean ia32eMode = true;
    boolean inSmm;
    boolean movSsBlocking;
    boolean hasCurrent = true;
    boolean shadow;
    boolean launched;
    boolean launching = true;
    int faultingMsr = 0x1234_5678;
    private boolean outside;

    TestState(VmxModel model) {
        this.model = model;
    }

    TestState set(VmcsField field, long value) {
        values[field.ordinal()] = value & field.mask();
        return this;
    }

    TestState or(VmcsField field, long bits) {
        return set(field, peek(field) | bits);
    }

    TestState clear(VmcsField field, long bits) {
        return set(field, peek(field) & ~bits);
    }

    /** Sets controls, and what activates their words. */
    TestState enable(VmxFeature... controls) {
        for (VmxFeature control : controls) {
            or(fieldOf(control.word()), control.mask());
            switch (control.word()) {
                case SECONDARY -> enable(VmxFeature.SECONDARY_CONTROLS);
                case TERTIARY -> enable(VmxFeature.TERTIARY_CONTROLS);
                case EXIT2 -> enable(VmxFeature.SECONDARY_EXIT_CONTROLS);
                case VMFUNC -> enable(VmxFeature.ENABLE_VM_FUNCTIONS);
                default -> {}
            }
        }
        return this;
    }

    TestState disable(VmxFeature... controls) {
        for (VmxFeature control : controls) {
            clear(fieldOf(control.word()), control.mask());
        }
        return this;
    }

    static VmcsField fieldOf(CapabilityWord word) {
        return switch (word) {
            case PIN -> VmcsField.PIN_BASED_VM_EXEC_CONTROL;
            case PRIMARY -> VmcsField.CPU_BASED_VM_EXEC_CONTROL;
            case SECONDARY -> VmcsField.SECONDARY_VM_EXEC_CONTROL;
            case TERTIARY -> VmcsField.TERTIARY_VM_EXEC_CONTROL;
            case EXIT -> VmcsField.VM_EXIT_CONTROLS;
            case EXIT2 -> VmcsField.SECONDARY_VM_EXIT_CONTROLS;
            case ENTRY -> VmcsField.VM_ENTRY_CONTROLS;
            case VMFUNC -> VmcsField.VM_FUNCTION_CONTROL;
            default -> throw new IllegalArgumentException(word.title());
        };
    }

    TestState poke(long address, int bytes, long value) {
        for (int i = 0; i < bytes; i++) {
            memory.put(address + i, (byte) (value >>> 8 * i));
        }
        return this;
    }

    long peek(VmcsField field) {
        return values[field.ordinal()];
    }

    @Override
    public long get(VmcsField field) {
        read.add(field);
        return values[field.ordinal()];
    }

    @Override
    public VmxModel model() {
        return model;
    }

    @Override
    public boolean ia32eMode() {
        return ia32eMode;
    }

    @Override
    public boolean inSmm() {
        return inSmm;
    }

    @Override
    public boolean movSsBlocking() {
        outside = true;
        return movSsBlocking;
    }

    @Override
    public boolean hasCurrentVmcs() {
        return hasCurrent;
    }

    @Override
    public long currentVmcs() {
        return CURRENT;
    }

    @Override
    public boolean currentIsShadow() {
        return shadow;
    }

    @Override
    public boolean launched() {
        outside = true;
        return launched;
    }

    @Override
    public boolean launching() {
        outside = true;
        return launching;
    }

    @Override
    public long readPhysical(long address, int bytes) {
        outside = true;
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (memory.getOrDefault(address + i, (byte) 0) & 0xffL) << 8 * i;
        }
        return value;
    }

    @Override
    public boolean lookedOutside() {
        boolean was = outside;
        outside = false;
        return was;
    }

    @Override
    public long reservedMsrBits(int msr) {
        return switch (msr) {
            case MsrValues.DEBUGCTL -> ~0x1fc3L;
            case MsrValues.PERF_GLOBAL_CTRL -> ~0x7_0000_000fL;
            case MsrValues.EFER -> ~0xd01L;
            case MsrValues.S_CET -> 0x3c0;
            default -> 0;
        };
    }

    @Override
    public boolean wrmsrFaults(int msr, long value) {
        return msr == faultingMsr;
    }
}
