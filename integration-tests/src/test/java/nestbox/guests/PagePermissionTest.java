package nestbox.guests;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.mmu.memory.PhysicalMemory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Page permissions in every paging mode, tried by a guest that goes through a table of cases: rights at two levels, control bits,
 * kind of access, privilege. {@link PageRights} says what each must come to.
 */
class PagePermissionTest {
    private static final long CASES = 0x600000;
    private static final int CASE_BYTES = 64;
    private static final long TARGET = 0x500000;
    private static final long USER_CODE = 0x400000;
    private static final long UPPER_TABLE = 0x205000;
    private static final long LEAF_TABLE = 0x206000;
    private static final long SHARED = 0x207000;
    private static final long NX = 1L << 63;

    /** The formats, with the place of the page under test and of the entries that map it. */
    enum Format {
        TWO_LEVEL(false, 4, 0x00c00000L, Probe.TABLES + 3 * 4, LEAF_TABLE, 0),
        TWO_LEVEL_4M(false, 4, 0x00c00000L, SHARED, Probe.TABLES + 3 * 4, 0x80),
        PAE(false, 8, 0x00c00000L, UPPER_TABLE + 6 * 8, LEAF_TABLE, 0),
        PAE_2M(false, 8, 0x00c00000L, SHARED, UPPER_TABLE + 6 * 8, 0x80),
        FOUR_LEVEL(true, 8, 0x80000000L, UPPER_TABLE, LEAF_TABLE, 0),
        FOUR_LEVEL_2M(true, 8, 0x80000000L, 0x201010, UPPER_TABLE, 0x80),
        FOUR_LEVEL_1G(true, 8, 0x80000000L, SHARED, 0x201010, 0x80),
        FIVE_LEVEL(true, 8, 0x80000000L, UPPER_TABLE, LEAF_TABLE, 0);

        private final boolean wide;
        private final int entryBytes;
        private final long linear;
        private final long upper;
        private final long leaf;
        private final long leafBits;

        Format(boolean wide, int entryBytes, long linear, long upper, long leaf, long leafBits) {
            this.wide = wide;
            this.entryBytes = entryBytes;
            this.linear = linear;
            this.upper = upper;
            this.leaf = leaf;
            this.leafBits = leafBits;
        }

        /** The upper entry is under test too; where it is not, its place is scratch memory. */
        boolean twoEntries() {
            return upper != SHARED;
        }

        long upperBase() {
            return this == FOUR_LEVEL_2M ? UPPER_TABLE : twoEntries() ? LEAF_TABLE : 0;
        }

        /** A large page begins at a multiple of its size; the target lies at the same place in every one. */
        long leafBase() {
            return leafBits == 0 ? TARGET : 0x400000 & -size();
        }

        long size() {
            return switch (this) {
                case TWO_LEVEL_4M -> 4 << 20;
                case PAE_2M, FOUR_LEVEL_2M -> 2 << 20;
                case FOUR_LEVEL_1G -> 1 << 30;
                default -> 4096;
            };
        }

        long target() {
            return linear + (TARGET & size() - 1);
        }

        boolean executeDisable() {
            return entryBytes == 8;
        }
    }

    /** Goes through the cases at RBP; results replace the first field. The last case has the kind FFh. */
    private static final String LOOP = """
        mov {a}bp, 0x600000
        next:
        mov eax, [{a}bp + 48]
        cmp eax, 0xff
        je done
        mov eax, [{a}bp + 8]
        mov [UPPER], eax
        HIGH mov eax, [{a}bp + 12]
        HIGH mov [UPPER + 4], eax
        mov eax, [{a}bp + 16]
        mov [LEAF], eax
        HIGH mov eax, [{a}bp + 20]
        HIGH mov [LEAF + 4], eax
        mov eax, [{a}bp + 24]
        mov cr0, {a}ax
        mov eax, [{a}bp + 32]
        mov cr4, {a}ax
        mov ecx, [{a}bp + 56]
        KEYS xor edx, edx
        KEYS mov eax, ecx
        KEYS xor ecx, ecx
        KEYS wrpkru
        mov ebx, TARGET
        invlpg [{a}bx]
        mov {a}sp, 0x90000
        mov ecx, [{a}bp + 48]
        mov edx, [{a}bp + 40]
        test ecx, 4
        jnz user
        push {a}dx
        popf{s}
        and ecx, 3
        cmp ecx, 1
        jb read
        je write
        jmp {a}bx
        read:
        mov al, [{a}bx + 0x100]
        int 0x80
        write:
        mov [{a}bx + 0x100], al
        int 0x80
        user:
        push 0x2b
        push 0x88000
        push {a}dx
        push USER_CS
        and ecx, 3
        shl ecx, 4
        add ecx, ENTRY
        push {a}cx
        iret{i}
        bits {bits}
        fine:
        mov {a}ax, -1
        jmp note
        fault:
        pop {a}ax
        mov {a}cx, cr2
        and ecx, 0xfffff000
        cmp ecx, TARGET
        je note
        mov eax, 0xdead
        note:
        mov [{a}bp], eax
        add {a}bp, 64
        clac
        jmp next
        """;

    private static String loop(Format format) {
        boolean keys = format == Format.FOUR_LEVEL;
        StringBuilder text = new StringBuilder();
        for (String line : LOOP.split("\n")) {
            boolean dropped = line.startsWith("HIGH") && format.entryBytes == 4 || line.startsWith("KEYS") && !keys;
            text.append(dropped ? "" : line.replaceFirst("^(HIGH|KEYS) ", "") + "\n");
        }
        return text.toString()
                .replace("{a}", format.wide ? "r" : "e")
                .replace("{s}", format.wide ? "q" : "d")
                .replace("{i}", format.wide ? "q" : "d")
                .replace("{bits}", format.wide ? "64" : "32")
                .replace("UPPER", "0x" + Long.toHexString(format.upper))
                .replace("LEAF", "0x" + Long.toHexString(format.leaf))
                .replace("TARGET", "0x" + Long.toHexString(format.target()))
                .replace("USER_CS", format.wide ? "0x33" : "0x23")
                .replace("ENTRY", format.wide ? "0x40000000" : "0x800000");
    }

    private static Probe guest(Format format) {
        String body = loop(format);
        Probe probe;
        if (format.wide) {
            probe = Probe.longMode(body);
        } else {
            // IRET to CPL 3 would make a DS of DPL 0 null.
            String cr4 = format.entryBytes == 8 ? "0x20" : "0x10";
            String enter =
                    "mov eax, 0x2b\nmov ds, ax\nmov eax, " + cr4 + "\nmov cr4, eax\nmov eax, 0x200000\nmov cr3, eax\n"
                            + "mov ecx, 0xc0000080\nrdmsr\nor eax, 0x800\nwrmsr\n"
                            + "mov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\n";
            probe = Probe.protectedMode(enter + body);
        }
        if (format == Format.FIVE_LEVEL) {
            probe.fiveLevels();
        }
        int code = format.wide ? Probe.CODE64 : Probe.CODE32;
        return probe.gate(14, Probe.gateTo("fault", code, 0x8e, format.wide))
                .gate(0x80, Probe.gateTo("fine", code, 0xee, format.wide));
    }

    /** The guest's own memory is the supervisor's; user code at 400000h is seen at an address of its own. */
    private static void tables(Format format, PhysicalMemory memory) {
        for (long at = Probe.TABLES; at < SHARED + 0x1000; at += 8) {
            memory.write(at, 8, 0);
        }
        if (format.wide) {
            memory.write(Probe.TABLES, 8, 0x201007);
            memory.write(0x201000, 8, 0x202007);
            memory.write(0x201008, 8, 0x203007);
            memory.write(0x201010, 8, UPPER_TABLE | 7);
            for (int i = 0; i < 4; i++) {
                memory.write(0x202000 + 8L * i, 8, (long) i << 21 | 0x83);
            }
            memory.write(0x203000, 8, USER_CODE | 0x87);
        } else if (format.entryBytes == 8) {
            memory.write(Probe.TABLES, 8, UPPER_TABLE | 1);
            for (int i = 0; i < 4; i++) {
                memory.write(UPPER_TABLE + 8L * i, 8, (long) i << 21 | 0x83);
            }
            memory.write(UPPER_TABLE + 8 * 4, 8, USER_CODE | 0x87);
        } else {
            memory.write(Probe.TABLES, 4, 0x83);
            memory.write(Probe.TABLES + 4, 4, 0x400083);
            memory.write(Probe.TABLES + 8, 4, USER_CODE | 0x87);
        }
    }

    /** User code: 16 bytes for each kind of access; and the target, which is code as well. */
    private static void code(PhysicalMemory memory) {
        byte[] read = {(byte) 0x8a, (byte) 0x83, 0, 1, 0, 0, (byte) 0xcd, (byte) 0x80};
        byte[] write = {(byte) 0x88, (byte) 0x83, 0, 1, 0, 0, (byte) 0xcd, (byte) 0x80};
        byte[] fetch = {(byte) 0xff, (byte) 0xe3};
        memory.copyIn(USER_CODE, read, 0, read.length);
        memory.copyIn(USER_CODE + 16, write, 0, write.length);
        memory.copyIn(USER_CODE + 32, fetch, 0, fetch.length);
        byte[] target = {(byte) 0xcd, (byte) 0x80};
        memory.copyIn(TARGET, target, 0, target.length);
    }

    @ParameterizedTest
    @EnumSource(Format.class)
    void theGuestFindsWhatTheNaiveModelSays(Format format) {
        List<PageRights> cases = cases(format);
        Probe probe = guest(format).budget(100L * cases.size() + 10_000).memory(memory -> {
            tables(format, memory);
            code(memory);
            for (int i = 0; i < cases.size(); i++) {
                record(format, cases.get(i), memory, CASES + (long) CASE_BYTES * i);
            }
            memory.write(CASES + (long) CASE_BYTES * cases.size() + 48, 4, 0xff);
        });
        assertThat(probe.run()).isEqualTo("ok");
        for (int i = 0; i < cases.size(); i++) {
            int found = (int) probe.machine().memory().read(CASES + (long) CASE_BYTES * i, 4);
            int expected = cases.get(i).errorCode(format.executeDisable());
            if (found != expected) {
                throw new AssertionError(
                        format + " " + cases.get(i) + ": expected " + expected + ", the guest found " + found);
            }
        }
    }

    private static void record(Format format, PageRights c, PhysicalMemory memory, long at) {
        memory.write(at, 4, 0xbad);
        memory.write(at + 8, 8, format.upperBase() | 1 | rights(c.upperWrite(), c.upperUser(), c.upperNx()));
        long leaf = format.leafBase() | format.leafBits | rights(c.leafWrite(), c.leafUser(), c.leafNx());
        memory.write(at + 16, 8, leaf | (c.present() ? 1 : 0) | (format == Format.FOUR_LEVEL ? 5L << 59 : 0));
        memory.write(at + 24, 4, 0x80000011L | (c.wp() ? 1 << 16 : 0));
        long cr4 = format.wide ? 0x620 : format.entryBytes == 8 ? 0x20 : 0x10;
        cr4 |= format == Format.FIVE_LEVEL ? 0x1000 : 0;
        cr4 |= (c.smep() ? 1 << 20 : 0) | (c.smap() ? 1 << 21 : 0) | (format == Format.FOUR_LEVEL ? 1 << 22 : 0);
        memory.write(at + 32, 4, cr4);
        memory.write(at + 40, 4, 2 | (c.ac() ? 1 << 18 : 0));
        memory.write(at + 48, 4, c.kind().ordinal() | (c.user() ? 4 : 0));
        memory.write(at + 56, 4, (long) c.key() << 10);
    }

    private static long rights(boolean write, boolean user, boolean nx) {
        return (write ? 2 : 0) | (user ? 4 : 0) | (nx ? NX : 0);
    }

    private static List<PageRights> cases(Format format) {
        List<PageRights> list = new ArrayList<>();
        int keys = format == Format.FOUR_LEVEL ? 3 : 1;
        for (int bits = 0; bits < 1 << 10; bits++) {
            boolean upperNx = bit(bits, 2);
            boolean leafNx = bit(bits, 5);
            boolean noBit = !format.executeDisable() && (upperNx || leafNx);
            boolean one = !format.twoEntries() && (bits & 7) != 3;
            boolean absent = bit(bits, 9) && (bits & 0x3f) != 0x1b;
            if (noBit || one || absent) {
                continue;
            }
            for (int mode = 0; mode < 18; mode++) {
                for (int key = 0; key < keys; key++) {
                    list.add(new PageRights(
                            bit(bits, 0),
                            bit(bits, 1),
                            upperNx,
                            bit(bits, 3),
                            bit(bits, 4),
                            leafNx,
                            !bit(bits, 9),
                            bit(bits, 6),
                            bit(bits, 7),
                            bit(bits, 8),
                            mode % 3 == 2 && bit(bits, 8),
                            PageRights.Kind.values()[mode / 6],
                            mode / 3 % 2 == 1,
                            key));
                }
            }
        }
        return list;
    }

    private static boolean bit(int bits, int number) {
        return (bits >>> number & 1) != 0;
    }
}
