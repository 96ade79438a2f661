package nestbox.vmx.check;

import java.util.List;
import java.util.function.Predicate;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.EntryFailureQualification;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.x86.Cpu;

/**
 * SDM Vol. 3, "Checks on Guest Non-Register State" (the VMCS link pointer) and "Checks on Guest
 * Page-Directory-Pointer-Table Entries": guest-state checks that look into memory.
 */
final class MemoryRows {
    private static final long NO_LINK = -1;
    private static final long PAGE = 0xfff;
    private static final long CR3_PDPT = 0xffff_ffe0L;
    private static final long PDPTE_PRESENT = 1;
    private static final long PDPTE_RESERVED = 0x1e6;

    private static final List<VmcsField> PDPTES =
            List.of(VmcsField.GUEST_PDPTE0, VmcsField.GUEST_PDPTE1, VmcsField.GUEST_PDPTE2, VmcsField.GUEST_PDPTE3);

    private MemoryRows() {}

    static List<CheckRow> link() {
        Failure failure = Failure.guest(EntryFailureQualification.VMCS_LINK_POINTER);
        Rows rows = new Rows(CheckGroup.VMCS_LINK, failure);
        link(rows, "guest.link.aligned", "bits 11:0 are 0", c -> !c.any(VmcsField.VMCS_LINK_POINTER, PAGE));
        link(
                rows,
                "guest.link.width",
                "the address is within the physical-address width",
                c -> c.physical(c.get(VmcsField.VMCS_LINK_POINTER)));
        link(
                        rows,
                        "guest.link.revision",
                        "the first word's bits 30:0 are the processor's VMCS revision identifier",
                        c -> !addressable(c) || (firstWord(c) & ~VmcsLayout.SHADOW_INDICATOR) == c.revision())
                .reads(CpuState.MEMORY);
        link(
                        rows,
                        "guest.link.shadow",
                        "the first word's bit 31 is the \"VMCS shadowing\" control",
                        c -> !addressable(c)
                                || ((firstWord(c) & VmcsLayout.SHADOW_INDICATOR) != 0)
                                        == c.on(VmxFeature.VMCS_SHADOWING))
                .reads(CpuState.MEMORY);
        link(
                        rows,
                        "guest.link.current",
                        "outside SMM or with \"entry to SMM\", it is not the current-VMCS pointer",
                        c -> c.inSmm() && !c.on(VmxFeature.ENTRY_TO_SMM)
                                || c.get(VmcsField.VMCS_LINK_POINTER) != c.currentVmcs())
                .reads(CpuState.CURRENT_VMCS, CpuState.SMM);
        return rows.list();
    }

    /** A row that a link pointer of all ones satisfies. */
    private static Rows link(Rows rows, String id, String rule, Predicate<CheckContext> holds) {
        return rows.add(
                id,
                VmcsField.VMCS_LINK_POINTER,
                "if the VMCS link pointer is not FFFFFFFF_FFFFFFFFH: " + rule,
                c -> c.get(VmcsField.VMCS_LINK_POINTER) == NO_LINK || holds.test(c));
    }

    /** Whether the pointer may be followed; other rows say why not. */
    private static boolean addressable(CheckContext c) {
        long pointer = c.get(VmcsField.VMCS_LINK_POINTER);
        return c.physical(pointer) && (pointer & PAGE) == 0;
    }

    private static int firstWord(CheckContext c) {
        return (int) c.readPhysical(c.get(VmcsField.VMCS_LINK_POINTER), 4);
    }

    static List<CheckRow> pdptes() {
        Failure failure = Failure.guest(EntryFailureQualification.PDPTE);
        Rows rows = new Rows(CheckGroup.GUEST_PDPTES, failure);
        for (int i = 0; i < PDPTES.size(); i++) {
            int number = i;
            rows.add(
                            "guest.pdpte" + i,
                            List.of(VmcsField.GUEST_CR0, VmcsField.GUEST_CR4, VmcsField.GUEST_CR3, PDPTES.get(i)),
                            "if the guest uses PAE paging, a present PDPTE has no reserved bit set; it is in the VMCS with EPT"
                                    + " and in memory without",
                            c -> !pae(c) || pdpteFits(c, number))
                    .reads(CpuState.MEMORY);
        }
        return rows.list();
    }

    private static boolean pae(CheckContext c) {
        return !c.on(VmxFeature.IA32E_MODE_GUEST)
                && c.any(VmcsField.GUEST_CR0, Cpu.CR0_PG)
                && c.any(VmcsField.GUEST_CR4, Cpu.CR4_PAE);
    }

    private static boolean pdpteFits(CheckContext c, int number) {
        long entry = c.on(VmxFeature.ENABLE_EPT)
                ? c.get(PDPTES.get(number))
                : c.readPhysical((c.get(VmcsField.GUEST_CR3) & CR3_PDPT) + 8L * number, 8);
        return (entry & PDPTE_PRESENT) == 0 || (entry & PDPTE_RESERVED) == 0 && c.physical(entry);
    }
}
