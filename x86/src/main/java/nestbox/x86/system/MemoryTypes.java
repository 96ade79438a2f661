package nestbox.x86.system;

import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import nestbox.x86.Cpu;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;

/**
 * MTRRs and the PAT (SDM Vol. 3, "Memory Type Range Registers", "Page Attribute Table"). They hold what is written; memory is
 * coherent whatever its type.
 */
final class MemoryTypes {
    private static final int VARIABLE_RANGES = 8;
    private static final long CAPABILITIES = VARIABLE_RANGES | 1 << 8 | 1 << 10;
    private static final int[] FIXED = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f};
    /** UC, WC, WT, WP, WB. */
    private static final int MTRR_TYPES = 1 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6;

    private static final int PAT_TYPES = MTRR_TYPES | 1 << 7;
    private static final long ENABLES = 3 << 10;

    private MemoryTypes() {}

    static void rows(List<Msr> rows) {
        Predicate<CpuFeatures> mtrr = f -> f.has(Feature.MTRR);
        ToLongFunction<CpuFeatures> pages = f -> (1L << f.physicalBits()) - 1 & ~0xfffL;
        rows.add(Msr.of(0xfe, "MTRRCAP", mtrr).reset(CAPABILITIES));
        for (int i = 0; i < VARIABLE_RANGES; i++) {
            rows.add(Msr.of(0x200 + 2 * i, "MTRR_PHYSBASE" + i, mtrr)
                    .writable(f -> pages.applyAsLong(f) | 0xff)
                    .rule((c, v) -> valid(v & 0xff, MTRR_TYPES)));
            rows.add(Msr.of(0x201 + 2 * i, "MTRR_PHYSMASK" + i, mtrr).writable(f -> pages.applyAsLong(f) | 1 << 11));
        }
        for (int index : FIXED) {
            rows.add(Msr.of(index, "MTRR_FIX_" + Integer.toHexString(index), mtrr)
                    .writable(-1)
                    .rule((c, v) -> allValid(v, MTRR_TYPES)));
        }
        rows.add(Msr.of(0x2ff, "MTRR_DEF_TYPE", mtrr)
                .writable(ENABLES | 0xff)
                .rule((c, v) -> valid(v & 0xff, MTRR_TYPES)));
        rows.add(Msr.of(0x277, "PAT", f -> f.has(Feature.PAT))
                .writable(-1)
                .rule((c, v) -> allValid(v, PAT_TYPES))
                .reset(Cpu.PAT_RESET)
                .at((c, s) -> c.pat, (c, v) -> c.pat = v));
    }

    private static boolean valid(long type, int types) {
        return type < 8 && (types >>> type & 1) != 0;
    }

    private static boolean allValid(long value, int types) {
        for (int i = 0; i < 64; i += 8) {
            if (!valid(value >>> i & 0xff, types)) {
                return false;
            }
        }
        return true;
    }
}
