package nestbox.x86.mem;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.mmu.paging.Access;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every combination of rights at two levels, control bits and accesses, judged by {@link NaiveProtection}. */
class ProtectionTest {
    private static final long LINEAR = 0x1234_5000L;
    private static final long PAGE = 0x20_0000;
    private static final long LINK = PagingBench.P | PagingBench.W | PagingBench.U;

    private PagingBench bench;
    private final NaiveProtection naive = new NaiveProtection();

    @ParameterizedTest
    @CsvSource({
        "TWO_LEVEL, keep",
        "PAE, keep",
        "FOUR_LEVEL, keep",
        "FIVE_LEVEL, keep",
        "FOUR_LEVEL, none",
        "FOUR_LEVEL, lru:2",
        "PAE, seeded:3"
    })
    void agreesWithTheNaiveModel(Format format, String policy) {
        bench = PagingBench.intel(policy);
        bench.paging(0, format.cr4(), format.efer());
        long pde = format == Format.TWO_LEVEL ? legacyTables() : tables(format);
        int checked = 0;
        for (int controls = 0; controls < 1 << 8; controls++) {
            boolean keys = format == Format.FOUR_LEVEL && policy.equals("keep");
            if (!set(format, controls) || (!keys && controls >>> 5 != 0)) {
                continue;
            }
            for (int bits = 0; bits < 1 << 8; bits++) {
                edit(format, pde, bits);
                for (NaiveProtection.Kind kind : NaiveProtection.Kind.values()) {
                    for (NaiveProtection.Mode mode : NaiveProtection.Mode.values()) {
                        if (kind != NaiveProtection.Kind.FETCH || mode != NaiveProtection.Mode.IMPLICIT) {
                            compare(format, pde, bits, controls, mode, kind);
                            checked++;
                        }
                    }
                }
            }
        }
        assertThat(checked).isGreaterThan(20_000);
    }

    /** The formats as a guest sets them up. */
    enum Format {
        TWO_LEVEL,
        PAE,
        FOUR_LEVEL,
        FIVE_LEVEL;

        boolean keys() {
            return this == FOUR_LEVEL || this == FIVE_LEVEL;
        }

        long cr4() {
            return this == TWO_LEVEL ? 0 : Cpu.CR4_PAE | (this == FIVE_LEVEL ? Cpu.CR4_LA57 : 0);
        }

        long efer() {
            return Cpu.EFER_NXE | (keys() ? Cpu.EFER_LME | Cpu.EFER_LMA : 0);
        }
    }

    private long legacyTables() {
        long pde = bench.cpu.cr3 + (LINEAR >>> 22) * 4;
        bench.memory.write(pde, 4, bench.newTable() | LINK);
        return pde;
    }

    private long tables(Format format) {
        if (format == Format.PAE) {
            long table = bench.newTable();
            bench.memory.write(bench.cpu.cr3 + (LINEAR >>> 30) * 8, 8, table | PagingBench.P);
            assertThat(bench.control().loadPdptes(bench.cpu.cr3)).isTrue();
            long pde = PagingBench.entry(table, 2, LINEAR);
            bench.memory.write(pde, 8, bench.newTable() | LINK);
            return pde;
        }
        long pte = bench.map(format == Format.FIVE_LEVEL ? 5 : 4, 1, LINEAR, PAGE | LINK, LINK);
        for (long at = PagingBench.TABLES; at < pte; at += 8) {
            if ((bench.memory.read(at, 8) & ~0xfffL) == (pte & ~0xfffL)) {
                return at;
            }
        }
        throw new AssertionError("no PDE");
    }

    private boolean set(Format format, int controls) {
        naive.wp = (controls & 1) != 0;
        naive.smep = (controls & 2) != 0;
        naive.smap = (controls & 4) != 0;
        naive.ac = (controls & 8) != 0;
        naive.nxe = (controls & 16) != 0 && format != Format.TWO_LEVEL;
        naive.pke = (controls & 32) != 0;
        // SMEP is about fetches, keys are not: one control bit serves both.
        naive.pks = naive.smep && format.keys();
        naive.ad = (controls & 64) != 0;
        naive.wd = (controls & 128) != 0;
        if (naive.ac && !naive.smap) {
            return false;
        }
        Cpu cpu = bench.cpu;
        bench.setCr0((cpu.cr0 & ~Cpu.CR0_WP) | (naive.wp ? Cpu.CR0_WP : 0));
        bench.setCr4(format.cr4()
                | (naive.smep ? Cpu.CR4_SMEP : 0)
                | (naive.smap ? Cpu.CR4_SMAP : 0)
                | (naive.pks ? Cpu.CR4_PKS : 0)
                | (naive.pke ? Cpu.CR4_PKE : 0));
        bench.setEfer((format.efer() & ~Cpu.EFER_NXE) | ((controls & 16) != 0 ? Cpu.EFER_NXE : 0));
        cpu.pkru = ((naive.ad ? 1L : 0) | (naive.wd ? 2L : 0)) << 2 * 5;
        cpu.pkrs = cpu.pkru;
        cpu.setSystemFlags((cpu.systemFlags & ~(long) Flags.AC) | (naive.ac ? Flags.AC : 0));
        cpu.mem.port().contextChanged();
        return true;
    }

    /** Bits 0-2 and 4-6: R/W, U/S, NX of PDE and PTE; bit 3: the PTE's reserved or present bit is wrong; bit 7: which. */
    private void edit(Format format, long pde, int bits) {
        if (format == Format.TWO_LEVEL) {
            long table = bench.memory.read(pde, 4) & ~0xfffL;
            bench.memory.write(pde, 4, table | PagingBench.P | (bits & 3) << 1);
            boolean present = (bits & 8) == 0;
            bench.memory.write(table + (LINEAR >>> 12 & 1023) * 4, 4, PAGE | (bits >>> 4 & 3) << 1 | (present ? 1 : 0));
        } else {
            long table = bench.memory.read(pde, 8) & 0xf_ffff_ffff_f000L;
            bench.memory.write(
                    pde, 8, table | PagingBench.P | (bits & 3) << 1 | ((bits & 4) != 0 ? PagingBench.NX : 0));
            boolean present = (bits & 8) == 0 || (bits & 128) != 0;
            boolean reserved = (bits & 8) != 0 && (bits & 128) != 0;
            long pte = PAGE
                    | (present ? 1 : 0)
                    | (bits >>> 4 & 3) << 1
                    | ((bits & 64) != 0 ? PagingBench.NX : 0)
                    | (reserved ? 1L << 50 : 0)
                    | (format.keys() ? 5L << 59 : 0);
            bench.memory.write(PagingBench.entry(table, 1, LINEAR), 8, pte);
        }
    }

    private List<NaiveProtection.Entry> entries(Format format, int bits) {
        boolean wide = format != Format.TWO_LEVEL;
        List<NaiveProtection.Entry> list = new ArrayList<>();
        list.add(new NaiveProtection.Entry(true, false, (bits & 1) != 0, (bits & 2) != 0, wide && (bits & 4) != 0));
        boolean wrong = (bits & 8) != 0;
        boolean reserved = wide && wrong && (bits & 128) != 0;
        list.add(new NaiveProtection.Entry(
                !wrong || reserved, reserved, (bits & 16) != 0, (bits & 32) != 0, wide && (bits & 64) != 0));
        return list;
    }

    private void compare(
            Format format, long pde, int bits, int controls, NaiveProtection.Mode mode, NaiveProtection.Kind kind) {
        int expected = naive.judge(entries(format, bits), mode, kind);
        bench.cpu.cpl = mode == NaiveProtection.Mode.USER ? 3 : 0;
        bench.control().invalidatePage(LINEAR);
        bench.cpu.mem.port().contextChanged();
        if ((bits & 16) != 0) {
            warmStructures(format, pde);
        }
        long leaf = leafAddress(format, pde);
        long before = bench.memory.read(leaf, 4) & ~0x60L;
        bench.memory.write(leaf, 4, before);
        int found = -1;
        try {
            access(mode, kind);
        } catch (GuestFault fault) {
            found = (int) fault.errorCode;
            assertThat(fault.detail).isEqualTo(LINEAR);
        }
        if (found != expected) {
            throw new AssertionError(String.format(
                    "%s %s %s rights %#x controls %#x: expected %#x, found %#x",
                    format, mode, kind, bits, controls, expected, found));
        }
        long flags = expected >= 0 ? 0 : PagingBench.A | (kind == NaiveProtection.Kind.WRITE ? PagingBench.D : 0);
        if ((bench.memory.read(leaf, 4) & 0x60) != flags) {
            throw new AssertionError(String.format("%s %s %s rights %#x: wrong A/D", format, mode, kind, bits));
        }
    }

    /** A supervisor page of the same region, so that the walk resumes with the rights that the upper entries left. */
    private void warmStructures(Format format, long pde) {
        long neighbour = leafAddress(format, pde) + (format == Format.TWO_LEVEL ? 4 : 8);
        bench.memory.write(neighbour, format == Format.TWO_LEVEL ? 4 : 8, PAGE | PagingBench.P | PagingBench.W);
        bench.faultOf(() -> bench.cpu.mem.loadSystem(4, LINEAR + 0x1000));
    }

    private long leafAddress(Format format, long pde) {
        return format == Format.TWO_LEVEL
                ? (bench.memory.read(pde, 4) & ~0xfffL) + (LINEAR >>> 12 & 1023) * 4
                : PagingBench.entry(bench.memory.read(pde, 8) & 0xf_ffff_ffff_f000L, 1, LINEAR);
    }

    private void access(NaiveProtection.Mode mode, NaiveProtection.Kind kind) {
        boolean implicit = mode == NaiveProtection.Mode.IMPLICIT;
        switch (kind) {
            case READ:
                if (implicit) {
                    bench.cpu.mem.loadSystem(4, LINEAR);
                } else {
                    bench.cpu.mem.load32(LINEAR, Reg.DS);
                }
                break;
            case WRITE:
                if (implicit) {
                    bench.cpu.mem.port().store(LINEAR, 4, 1, Access.WRITE | Access.IMPLICIT, Reg.DS);
                } else {
                    bench.cpu.mem.store32(LINEAR, Reg.DS, 1);
                }
                break;
            default:
                bench.cpu.mem.fetch(LINEAR);
                break;
        }
    }
}
