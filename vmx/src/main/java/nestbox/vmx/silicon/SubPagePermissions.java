package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.mem.SecondStage;

/**
 * The sub-page-permission table: which 128 bytes of a page may be written (SDM Vol. 3, "Sub-Page Write Permissions"). Its text
 * could not be read; see the unverified rows of exit 66 and of the table's pointer.
 */
final class SubPagePermissions implements SecondStage.SubPages {
    private static final int TOP = 4;
    private static final long VALID = 1;
    private static final long RESERVED = 0xffe;
    private static final long ADDRESS = 0xf_ffff_ffff_f000L;
    /** Bits of a page's permissions that have no sub-page. */
    private static final long ODD = 0xaaaa_aaaa_aaaa_aaaaL;

    private static final long MISS = 1 << 11;
    private static final int SUB_PAGE_SHIFT = 7;

    private final Vmx vmx;
    private final EptStage stage;
    private final Cpu cpu;

    SubPagePermissions(Vmx vmx, EptStage stage) {
        this.vmx = vmx;
        this.stage = stage;
        cpu = vmx.cpu;
    }

    @Override
    public int judge(long guestPhysical) {
        long table = vmx.vmcs.get(VmcsField.SPP_TABLE_POINTER) & ADDRESS;
        long beyond = -1L << cpu.features.physicalBits();
        for (int level = TOP; level > 1; level--) {
            long entry = entry(table, guestPhysical, level);
            if ((entry & VALID) == 0) {
                return fail(MISS);
            }
            if ((entry & (RESERVED | beyond)) != 0) {
                return fail(0);
            }
            table = entry & ADDRESS;
        }
        long permissions = entry(table, guestPhysical, 1);
        if ((permissions & ODD) != 0) {
            return fail(0);
        }
        int subPage = (int) guestPhysical >>> SUB_PAGE_SHIFT & 31;
        return (permissions >>> 2 * subPage & 1) != 0 ? PERMITTED : DENIED;
    }

    private long entry(long table, long guestPhysical, int level) {
        int shift = 12 + 9 * (level - 1);
        return cpu.physical.read(table + 8 * (guestPhysical >>> shift & 511), 8);
    }

    private int fail(long qualification) {
        stage.fail(ExitReason.SPP_EVENT, qualification);
        return FAILED;
    }
}
