package nestbox.testkit.race;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import nestbox.core.Seed;
import nestbox.machine.load.ImageFile;
import nestbox.testkit.scenario.Scenarios;
import nestbox.x86.insn.Asm;

/**
 * A random guest of two processors that run at the same time and edit page tables, each its own lowest table below shared upper ones,
 * and in turns a third that both use. What each reads does not depend on who is faster: it is logged, and must be the same however
 * the processors take turns. The guest invalidates what the manual wants invalidated.
 */
final class ParallelGuest {
    static final long LOG = 0x380000;
    static final long LOG_SIZE = 0x20000;
    private static final long LOAD = 0x100000;
    private static final int PAGES = 8;
    private static final int FRAMES = 8;
    /** A PTE leads to the processor's own table. */
    private static final int TABLE = FRAMES;

    private static final String MAIN = """
            main:   mov qword [PDA + 8], PTB + 3
                    mov qword [PDB], PTA + 3
                    mov qword [PDB + 8], PTB + 3
                    mov qword [PDA + 16], PTS + 3
                    mov qword [PDB + 16], PTS + 3
                    mov dword [PDPTB + 24], PDHIGH + 3
                    call second_on
            """;

    private final Seed random;
    private final StringBuilder text = new StringBuilder();
    private final int[] frame = new int[PAGES];
    private final boolean[] writable = new boolean[PAGES];
    private int cpu;
    private boolean spaceB;
    private int labels;
    private int meetings;

    private ParallelGuest(long seed) {
        random = new Seed(seed);
    }

    /** The guest of a seed; each processor does about so many steps. */
    static ImageFile image(long seed, int steps) {
        ParallelGuest guest = new ParallelGuest(seed);
        return new ImageFile("parallel " + seed, Asm.assemble(32, LOAD, guest.source(steps)));
    }

    private String source(int steps) {
        line("PTS equ 0x209000\nREQUEST equ 0x20c000\nANSWER equ 0x20c040\nDONE equ 0x20c080");
        text.append(include("long-mode")).append(include("second64")).append(MAIN);
        int turns = steps / 12;
        long shared = random.nextLong();
        processor(0, turns, shared);
        line("wait: pause\ncmp dword [DONE], 1\njne wait\nxor eax, eax\nout 0xf4, eax\nhlt");
        line("second:");
        processor(1, turns, shared);
        line("mov dword [DONE], 1\ncli\nhlt");
        return text.toString();
    }

    private static String include(String name) {
        try (InputStream in = Scenarios.class.getResourceAsStream("include/" + name + ".asm")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void line(String line) {
        text.append(line).append('\n');
    }

    private void processor(int id, int turns, long shared) {
        cpu = id;
        spaceB = false;
        meetings = 0;
        Seed meet = new Seed(shared);
        line("mov edi, " + (LOG + id * LOG_SIZE));
        for (int i = 0; i < FRAMES; i++) {
            line("mov qword [" + physical(i) + "], " + (0x1000 * (id + 1) + i));
        }
        for (int i = 0; i < PAGES; i++) {
            frame[i] = -1;
        }
        for (int turn = 0; turn < turns; turn++) {
            for (int i = 0; i < 12; i++) {
                step();
            }
            meet(meet.nextInt(2), meet.nextInt(PAGES), meet.nextInt(FRAMES));
        }
    }

    private String table() {
        return cpu == 0 ? "PTA" : "PTB";
    }

    private String directory() {
        return spaceB ? "PDB" : "PDA";
    }

    private long physical(int of) {
        return 0x300000 + 0x10000L * cpu + 0x1000L * of;
    }

    private String window(int page) {
        return "X + " + (0x200000 * cpu + 0x1000 * page);
    }

    private void step() {
        int page = random.nextInt(PAGES);
        int choice = random.nextInt(100);
        if (choice < 40) {
            edit(page, table() + " + " + 8 * page);
        } else if (choice < 50) {
            throughTheWindow(page);
        } else if (choice < 85) {
            access(page);
        } else if (choice < 93) {
            spaceB = !spaceB;
            line("mov eax, " + (spaceB ? "PML4B" : "PML4A") + "\nmov cr3, rax");
        } else if (choice < 97) {
            relink();
        } else if (cpu == 0) {
            slots();
        }
    }

    private void edit(int page, String entry) {
        boolean was = frame[page] >= 0;
        frame[page] = random.nextInt(FRAMES + 3) - 1;
        if (frame[page] > TABLE) {
            frame[page] = random.nextInt(FRAMES);
        }
        writable[page] = random.nextInt(3) != 0;
        String to = frame[page] == TABLE ? table() : String.valueOf(frame[page] < 0 ? 0 : physical(frame[page]));
        line("mov qword [" + entry + "], " + to + (frame[page] < 0 ? "" : writable[page] ? " + 3" : " + 1"));
        if (was) {
            line("invlpg [" + window(page) + "]");
        }
    }

    /** Another entry is edited through a page that maps the table, if there is one. */
    private void throughTheWindow(int page) {
        for (int i = 0; i < PAGES; i++) {
            if (i != page && frame[i] == TABLE && writable[i]) {
                edit(page, window(i) + " + " + 8 * page);
                return;
            }
        }
    }

    private void access(int page) {
        if (frame[page] < 0 || frame[page] == TABLE) {
            return;
        }
        if (writable[page] && random.nextInt(2) == 0) {
            line("mov qword [" + window(page) + " + " + 8 * random.nextInt(64) + "], " + random.nextInt(1 << 30));
        } else {
            line("mov rax, [" + window(page) + "]\nstosq");
        }
    }

    /** The processor's table goes from the directory in use and comes back, with edits between that need no invalidation. */
    private void relink() {
        String entry = directory() + " + " + 8 * cpu;
        line("mov qword [" + entry + "], 0\nmov rax, cr3\nmov cr3, rax");
        for (int i = 0; i < 2; i++) {
            int page = random.nextInt(PAGES);
            frame[page] = random.nextInt(FRAMES);
            writable[page] = true;
            line("mov qword [" + table() + " + " + 8 * page + "], " + physical(frame[page]) + " + 3");
        }
        line("mov qword [" + entry + "], " + table() + " + 3");
    }

    /** A segment of ROM becomes RAM or the other way round (Intel 440FX, PAM registers): the memory slots change. */
    private void slots() {
        int value = random.nextInt(4);
        line("mov edx, 0xcf8\nmov eax, 0x80000058\nout dx, eax\nmov edx, 0xcff\nmov al, " + value + "\nout dx, al");
        line("mov byte [0xc8000], " + random.nextInt(128) + "\nmovzx eax, byte [0xc8000]\nstosq");
    }

    /** One processor changes the table that both use and tells the other, which invalidates and reads. */
    private void meet(int leader, int page, int of) {
        meetings++;
        long target = 0x300000 + 0x10000L * leader + 0x1000L * of;
        String address = "X + " + (0x400000 + 0x1000 * page);
        String label = "meet" + labels++;
        if (leader == cpu) {
            line("mov qword [PTS + " + 8 * page + "], " + target + " + 1\ninvlpg [" + address + "]");
            line("mov dword [REQUEST], " + meetings);
            line(label + ": pause\ncmp dword [ANSWER], " + meetings + "\njne " + label);
        } else {
            line(label + ": pause\ncmp dword [REQUEST], " + meetings + "\njne " + label);
            line("invlpg [" + address + "]\nmov rax, [" + address + "]\nstosq");
            line("mov dword [ANSWER], " + meetings);
        }
    }
}
