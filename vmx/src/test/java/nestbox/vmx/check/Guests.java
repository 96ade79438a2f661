package nestbox.vmx.check;

import java.util.EnumSet;
import java.util.Set;
import nestbox.vmx.TestCpu;
import nestbox.vmx.VmxModel;
import nestbox.vmx.capability.CapabilityWord;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** Valid VMCSs to start from. */
enum Guests {
    /** 64-bit host and guest. */
    LONG,
    /** 64-bit host; protected-mode guest with PAE paging. */
    PAE,
    /** 64-bit host; virtual-8086 guest with 32-bit paging. */
    VIRTUAL_8086,
    /** 64-bit host; real-mode guest by "unrestricted guest". */
    REAL,
    /** Host and guest outside IA-32e mode. */
    HOST_32;

    private static final long CR0 = 0x8001_0031L;
    private static final VmxModel NEWEST = VmxModel.of(TestCpu.of("max"));
    private static final VmxModel ALL_FEATURES = VmxModel.of(TestCpu.of("max"), EnumSet.allOf(VmxFeature.class));

    /** A state of the newest model. */
    TestState state() {
        return state(NEWEST);
    }

    /** A state of a processor that has even what Nestbox refuses. */
    TestState everything() {
        return state(ALL_FEATURES);
    }

    TestState state(VmxModel model) {
        TestState s = new TestState(model);
        for (CapabilityWord word :
                Set.of(CapabilityWord.PIN, CapabilityWord.PRIMARY, CapabilityWord.EXIT, CapabilityWord.ENTRY)) {
            s.set(TestState.fieldOf(word), model.capability().mustBeOne(word));
        }
        s.set(VmcsField.VMCS_LINK_POINTER, -1);
        s.poke(TestState.SHADOW, 4, VmxCapability.REVISION);
        host(s);
        segments(s);
        s.set(VmcsField.GUEST_CR3, 0x3000).set(VmcsField.GUEST_RFLAGS, 2).set(VmcsField.GUEST_RIP, 0x1000);
        s.set(VmcsField.GUEST_DR7, 0x400).set(VmcsField.GUEST_CR4, 0x2020).set(VmcsField.GUEST_CR0, CR0);
        s.set(VmcsField.GUEST_GDTR_LIMIT, 0xffff).set(VmcsField.GUEST_IDTR_LIMIT, 0xffff);
        if (model.has(VmxFeature.ENABLE_EPT)) {
            s.set(VmcsField.EPT_POINTER, 0x5000 | 3 << 3 | 6);
        }
        switch (this) {
            case LONG -> {
                s.enable(VmxFeature.IA32E_MODE_GUEST).set(VmcsField.GUEST_CS_AR_BYTES, 0xa09b);
            }
            case PAE -> {
                for (int i = 0; i < 4; i++) {
                    s.poke(0x3000 + 8 * i, 8, 0x4001 + 0x1000L * i);
                }
            }
            case VIRTUAL_8086 -> virtual8086(s);
            case REAL -> real(s);
            case HOST_32 -> host32(s);
            default -> throw new IllegalStateException();
        }
        return s;
    }

    private static void host(TestState s) {
        s.enable(VmxFeature.HOST_ADDRESS_SPACE_SIZE);
        s.set(VmcsField.HOST_CR0, CR0).set(VmcsField.HOST_CR3, 0x2000).set(VmcsField.HOST_CR4, 0x2020);
        s.set(VmcsField.HOST_CS_SELECTOR, 8)
                .set(VmcsField.HOST_TR_SELECTOR, 0x40)
                .set(VmcsField.HOST_SS_SELECTOR, 0x10);
        s.set(VmcsField.HOST_RIP, 0xffff_8000_0000_1000L);
    }

    private static void segments(TestState s) {
        for (Segment segment : Segment.CODE_AND_DATA) {
            s.set(segment.selector, 0x10).set(segment.limit, 0xffff_ffffL).set(segment.rights, 0xc093);
        }
        s.set(VmcsField.GUEST_CS_AR_BYTES, 0xc09b).set(VmcsField.GUEST_CS_SELECTOR, 8);
        s.set(VmcsField.GUEST_TR_SELECTOR, 0x18)
                .set(VmcsField.GUEST_TR_LIMIT, 0x67)
                .set(VmcsField.GUEST_TR_AR_BYTES, 0x8b);
        s.set(VmcsField.GUEST_LDTR_AR_BYTES, 0x1_0000);
    }

    private static void virtual8086(TestState s) {
        s.or(VmcsField.GUEST_RFLAGS, 0x2_0000).clear(VmcsField.GUEST_CR4, 0x20);
        for (Segment segment : Segment.CODE_AND_DATA) {
            s.set(segment.selector, 0x1003)
                    .set(segment.base, 0x1_0030)
                    .set(segment.limit, 0xffff)
                    .set(segment.rights, 0xf3);
        }
    }

    private static void real(TestState s) {
        s.enable(VmxFeature.ENABLE_EPT, VmxFeature.UNRESTRICTED_GUEST);
        s.clear(VmcsField.GUEST_CR0, 0x8000_0001L);
        for (Segment segment : Segment.CODE_AND_DATA) {
            s.set(segment.selector, 0x1000)
                    .set(segment.base, 0x1_0000)
                    .set(segment.limit, 0xffff)
                    .set(segment.rights, 0x93);
        }
    }

    private static void host32(TestState s) {
        s.ia32eMode = false;
        s.disable(VmxFeature.HOST_ADDRESS_SPACE_SIZE).set(VmcsField.HOST_RIP, 0x1000);
    }
}
