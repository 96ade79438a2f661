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
    private final int maxInstructions;
    private final Block[] slots = new Block[SLOTS];
    private final Map<Long, List<Block>> byPage = new HashMap<>();
    private final byte[] window = new byte[Decoder.MAX_LENGTH];

    BlockCache(Cpu cpu, Decoder decoder, int maxInstructions) {
        this.cpu = cpu;
        this.decoder = decoder;
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

    /** The block that starts at the current RIP; raises what fetching its first instruction raises. */
    Block find() {
        long linear = cpu.codeLinear();
        long physical = cpu.mem.fetch(linear);
        int key = cpu.modeKey;
        Block block = slots[slot(physical, key)];
        if (block != null && block.physical == physical && block.modeKey == key && block.valid) {
            return block;
        }
        return build(linear, physical, key);
    }

    private Block build(long linear, long physical, int key) {
        byte[] page = cpu.physical.backing(physical);
        if (page == null) {
            return new Block(physical, key, new Op[] {single(linear, physical)}, 0);
        }
        int start = (int) physical & PhysicalMemory.CHUNK_MASK;
        int end = (start | 0xfff) + 1;
        List<Op> code = new ArrayList<>();
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
        if (code.isEmpty()) {
            // It straddles the page: its second half may change without the first, so it is never cached.
            return new Block(physical, key, new Op[] {single(linear, physical)}, 0);
        }
        Block block = new Block(physical, key, code.toArray(new Op[0]), at - start);
        slots[slot(physical, key)] = block;
        List<Block> inPage = byPage.computeIfAbsent(physical >>> 12, page0 -> new ArrayList<>());
        inPage.removeIf(old -> old.physical == physical && old.modeKey == key);
        inPage.add(block);
        cpu.physical.markCode(physical, block.bytes);
        return block;
    }

    /** Decodes one instruction byte by byte: it lies in MMIO or crosses into another page. */
    private Op single(long linear, long physical) {
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

    private static Op place(Insn in, int next) {
        in.next = next;
        if (in.base == nestbox.x86.Reg.BLOCK_RIP) {
            in.disp += next;
        }
        return UopSelector.select(in);
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
            boolean hit = block.physical < physical + length && physical < block.physical + block.bytes;
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
