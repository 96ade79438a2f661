package nestbox.x86.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import nestbox.mmu.memory.CodeWatcher;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Cpu;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;

/** The decoded blocks of one processor, keyed by physical address and mode; a store into their bytes drops them. */
final class BlockCache implements CodeWatcher {
    private static final int SLOTS = 1 << 14;

    private final Cpu cpu;
    private final Decoder decoder;
    private final CodeArena arena;
    private final int maxInstructions;
    private final Block[] slots = new Block[SLOTS];
    private final Map<Long, List<Block>> byPage = new HashMap<>();
    private final byte[] window = new byte[Decoder.MAX_LENGTH];

    BlockCache(Cpu cpu, Decoder decoder, CodeArena arena, int maxInstructions) {
        this.cpu = cpu;
        this.decoder = decoder;
        this.arena = arena;
        this.maxInstructions = maxInstructions;
        cpu.physical.addCodeWatcher(this);
        cpu.physical.addLayoutListener(this::dropAll);
    }

    /** The bytes behind physical addresses changed without a store. */
    private void dropAll() {
        Arrays.fill(slots, null);
        byPage.clear();
        cpu.mem.translationChanged();
    }

    private static int slot(long physical, int modeKey) {
        long key = physical * 0x9E3779B97F4A7C15L + modeKey;
        return (int) (key >>> 50);
    }

    /**
     * The block that starts at the current RIP, or {@link CodeArena#NONE} if its bytes do not lie in memory; raises what fetching
     * its first instruction raises.
     */
    int find() {
        long linear = cpu.codeLinear();
        long physical = cpu.mem.fetch(linear);
        int key = cpu.modeKey;
        Block block = slots[slot(physical, key)];
        if (block != null && block.physical == physical && block.modeKey == key && block.valid) {
            if (block.second == Block.NONE || cpu.mem.fetch(nextPage(linear)) == block.second) {
                return block.place;
            }
        }
        return build(linear, physical, key);
    }

    private long nextPage(long linear) {
        return cpu.wrapCode(linear & ~0xfffL, 0x1000);
    }

    private int build(long linear, long physical, int key) {
        byte[] page = cpu.physical.backing(physical);
        if (page == null) {
            return CodeArena.NONE;
        }
        int start = (int) physical & PhysicalMemory.CHUNK_MASK;
        int end = (start | 0xfff) + 1;
        List<Insn> code = new ArrayList<>();
        int at = start;
        while (code.size() < maxInstructions && at < end) {
            Insn in = decoder.decode(page, at, end, cpu.codeSize);
            if (in == null) {
                break;
            }
            at += in.length;
            code.add(place(in, at - start));
            if (in.form == null || in.form.endsBlock()) {
                break;
            }
        }
        return code.isEmpty()
                ? straddler(linear, physical, key)
                : keep(code.toArray(new Insn[0]), physical, key, at - start, Block.NONE);
    }

    /** The block of one instruction that crosses into the next page. */
    private int straddler(long linear, long physical, int key) {
        Insn in = single(linear, physical);
        long second = cpu.mem.fetch(nextPage(linear));
        boolean memory = cpu.physical.backing(second) != null;
        return memory ? keep(new Insn[] {in}, physical, key, in.length, second) : CodeArena.NONE;
    }

    private int keep(Insn[] code, long physical, int key, int bytes, long second) {
        if (arena.full(code.length)) {
            dropAll();
            arena.clear();
        }
        Block block = new Block(physical, key, bytes, second, arena.add(code, bytes, key));
        slots[slot(physical, key)] = block;
        register(block, physical, block.inFirst());
        if (second != Block.NONE) {
            register(block, second, bytes - block.inFirst());
        }
        return block.place;
    }

    private void register(Block block, long physical, int length) {
        List<Block> inPage = byPage.computeIfAbsent(physical >>> 12, page -> new ArrayList<>());
        inPage.removeIf(old -> old.physical == block.physical && old.modeKey == block.modeKey);
        inPage.add(block);
        cpu.physical.markCode(physical, length);
    }

    /** Decodes one instruction byte by byte: it crosses into another page. */
    private Insn single(long linear, long physical) {
        int have = 0;
        Insn in = null;
        while (in == null) {
            long at = cpu.wrapCode(linear, have);
            long source = have < 0x1000 - (linear & 0xfff) ? physical + have : cpu.mem.fetch(at);
            window[have++] = (byte) cpu.mem.port().codeByte(source);
            in = decoder.decode(window, 0, have, cpu.codeSize);
        }
        return place(in, in.length);
    }

    private static Insn place(Insn in, int next) {
        in.next = next;
        if (in.base == nestbox.x86.Reg.BLOCK_RIP) {
            in.disp += next;
        }
        return in;
    }

    @Override
    public void codePageMarked(long physical) {
        byte[] page = cpu.physical.backing(physical);
        cpu.mem.dropWritesTo(page, (int) physical & PhysicalMemory.CHUNK_MASK & ~0xfff);
    }

    @Override
    public void beforeCodeWrite(long physical, int length) {
        List<Block> inPage = byPage.get(physical >>> 12);
        if (inPage == null) {
            return;
        }
        boolean dropped = inPage.removeIf(block -> {
            boolean hit = block.covers(physical, length);
            if (hit) {
                block.valid = false;
            }
            return hit;
        });
        if (dropped) {
            cpu.mem.translationChanged();
        }
    }
}
