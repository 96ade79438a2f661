package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import nestbox.core.trace.Trace;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.mmu.paging.Access;
import nestbox.mmu.paging.PagingFeature;
import nestbox.mmu.paging.PagingFormat;
import nestbox.mmu.paging.PagingLimits;
import nestbox.mmu.paging.PagingMode;
import nestbox.mmu.paging.Permissions;
import nestbox.mmu.paging.TableReader;
import nestbox.mmu.paging.Walker;

/** A host with memory, a virtual machine on it, and vCPUs whose hardware is a walker with a translation cache. */
final class Rig {
    static final int HOST_BITS = 46;
    static final long POOL = 0x1000_0000L;
    static final long BACKING = 0x1_2345_0000L & -(1L << 21);
    static final int RAM_BYTES = 8 << 20;

    final PhysicalMemory memory = new PhysicalMemory(HOST_BITS);
    final FramePool frames;
    final MmuVm vm;
    final List<Vcpu> vcpus = new ArrayList<>();

    Rig(MmuConfig config) {
        this(config, RAM_BYTES);
    }

    Rig(MmuConfig config, long ramBytes) {
        this(config, ramBytes, Trace.off());
    }

    Rig(MmuConfig config, long ramBytes, Trace trace) {
        memory.mapRam(POOL, 64 << 20);
        memory.mapRam(BACKING, ramBytes);
        frames = new FramePool(memory, POOL, 64 << 20);
        vm = new MmuVm(config, frames, trace);
        vm.slots().set(MemorySlots.NORMAL, Slot.ram(0, 0, ramBytes, BACKING));
    }

    Vcpu vcpu(GuestModel model) {
        Vcpu vcpu = new Vcpu(model);
        vcpus.add(vcpu);
        return vcpu;
    }

    long read(long gpa, int bytes) {
        return memory.read(BACKING + gpa, bytes);
    }

    /** Writes guest memory as the silicon does: nobody is told. */
    void write(long gpa, int bytes, long value) {
        memory.write(BACKING + gpa, bytes, value);
    }

    /** How an access ended: at a host address, at a device, or in a fault. */
    record End(String kind, long value, long more) {
        static End at(long hpa) {
            return new End("memory", hpa, 0);
        }

        static End mmio(long gpa) {
            return new End("mmio", gpa, 0);
        }

        static End fault(long code) {
            return new End("#PF", code, 0);
        }

        @Override
        public String toString() {
            return kind + " " + Long.toHexString(value) + (more == 0 ? "" : " " + Long.toHexString(more));
        }
    }

    /** A vCPU and its hardware. */
    final class Vcpu implements GuestContext, Requests {
        long cr0 = 0x8001_0001L;
        long cr3;
        long cr4;
        long efer;
        final long[] pdptes = new long[4];
        boolean ac;
        int cpl;
        boolean guestMode;
        boolean smm;
        boolean nestedTdp;
        long nestedRoot;
        long hostCr4;
        long hostEfer;
        boolean reinjected;
        long rip;

        final Set<Request> requests = EnumSet.noneOf(Request.class);
        final List<Request> log = new ArrayList<>();
        final MmuVcpu mmu;
        RootToLoad root;
        /** Hardware's translations by page, PCID and kind of access; forgets only what it is told to. */
        final Map<String, Long> tlb = new HashMap<>();

        FaultResult last;
        /** L1's page-modification log, as page numbers. */
        final List<Long> dirtied = new ArrayList<>();

        boolean logFull;
        private final Walker walker = new Walker();
        private final Permissions permissions = new Permissions();

        Vcpu(GuestModel model) {
            mmu = new MmuVcpu(vm, this, model, this);
        }

        void mode(PagingFormat format, boolean nx, boolean wp) {
            cr0 = 0x8000_0001L | (wp ? GuestWalk.CR0_WP : 0);
            efer = nx ? GuestWalk.EFER_NX : 0;
            switch (format) {
                case TWO_LEVEL:
                    cr4 = GuestWalk.CR4_PSE;
                    break;
                case PAE:
                    cr4 = GuestWalk.CR4_PAE;
                    break;
                case FIVE_LEVEL:
                    cr4 = GuestWalk.CR4_PAE | GuestWalk.CR4_LA57;
                    efer |= GuestWalk.EFER_LMA;
                    break;
                default:
                    cr4 = GuestWalk.CR4_PAE;
                    efer |= GuestWalk.EFER_LMA;
                    break;
            }
        }

        void start() {
            mmu.initMmu();
        }

        // ---- what the guest does ----

        void loadPdptes() {
            if ((cr0 & GuestWalk.CR0_PG) != 0 && (cr4 & GuestWalk.CR4_PAE) != 0 && (efer & GuestWalk.EFER_LMA) == 0) {
                long[] found = mmu.readPdptes(cr3);
                assertThat(found).isNotNull();
                boolean changed = !java.util.Arrays.equals(found, pdptes);
                System.arraycopy(found, 0, pdptes, 0, 4);
                mmu.pdptesLoaded(changed);
            }
        }

        void movCr3(long value) {
            long old = cr3;
            boolean noFlush = (cr4 & GuestWalk.CR4_PCIDE) != 0 && value < 0;
            cr3 = value & Long.MAX_VALUE;
            loadPdptes();
            mmu.cr3Written(old, cr3, noFlush);
        }

        void movCr0(long value) {
            long old = cr0;
            cr0 = value;
            loadPdptes();
            mmu.cr0Written(old, value);
        }

        void movCr4(long value) {
            long old = cr4;
            cr4 = value;
            loadPdptes();
            mmu.cr4Written(old, value);
        }

        void writeEfer(long value) {
            long old = efer;
            efer = value;
            mmu.eferWritten(old, value);
        }

        void invlpg(long gva) {
            discharge(mmu.invlpg(new Gva(gva)));
        }

        void discharge(Invalidation invalidation) {
            if (invalidation.scope() == Invalidation.Scope.ADDRESS) {
                String page = Long.toHexString(invalidation.address() >>> 12) + "/";
                tlb.keySet().removeIf(key -> key.startsWith(page));
                invalidation.discharged();
            } else {
                invalidation.request();
            }
        }

        // ---- entering ----

        void enter() {
            service(Request.MMU_FREE_OBSOLETE_ROOTS, mmu::freeObsoleteRoots);
            service(Request.MMU_SYNC, mmu::syncRoots);
            service(Request.LOAD_MMU_PGD, () -> root = mmu.currentRoot());
            service(Request.TLB_FLUSH, tlb::clear);
            service(Request.TLB_FLUSH_CURRENT, tlb::clear);
            service(Request.TLB_FLUSH_GUEST, () -> {
                mmu.flushGuest();
                tlb.clear();
            });
            RootToLoad now = mmu.reload();
            if (now.fresh()) {
                tlb.clear();
            }
            root = now;
        }

        private void service(Request request, Runnable action) {
            if (requests.remove(request)) {
                action.run();
            }
        }

        // ---- hardware ----

        private PagingMode hardwareMode() {
            MmuConfig config = vm.config();
            if (config.tdp() && config.format().ept()) {
                PagingFeature[] features = root.accessedDirty()
                        ? new PagingFeature[] {
                            PagingFeature.EPT_LARGE_PAGES,
                            PagingFeature.GIGABYTE_PAGES,
                            PagingFeature.EPT_EXECUTE_ONLY,
                            PagingFeature.EPT_ACCESSED_DIRTY
                        }
                        : new PagingFeature[] {
                            PagingFeature.EPT_LARGE_PAGES, PagingFeature.GIGABYTE_PAGES, PagingFeature.EPT_EXECUTE_ONLY
                        };
                PagingFormat format = root.level() == 5 ? PagingFormat.EPT_FIVE_LEVEL : PagingFormat.EPT;
                return new PagingMode(format, PagingLimits.of(HOST_BITS, 57, features));
            }
            PagingFormat format = root.pae()
                    ? PagingFormat.PAE
                    : root.level() == 5 ? PagingFormat.FIVE_LEVEL : PagingFormat.FOUR_LEVEL;
            return new PagingMode(
                    format,
                    PagingLimits.of(HOST_BITS, 57, PagingFeature.GIGABYTE_PAGES, PagingFeature.EXECUTE_DISABLE));
        }

        /** One try of hardware; true if it got a translation. */
        private boolean hardware(long address, int access) {
            PagingMode mode = hardwareMode();
            boolean paging = (cr0 & GuestWalk.CR0_PG) != 0;
            int wanted = access;
            if (vm.config().tdp()) {
                permissions.set(true, false, false, false, true);
                wanted = vm.config().format().ept() ? access & 7 : access | Access.USER;
            } else {
                boolean smep = paging && (cr4 & GuestWalk.CR4_SMEP) != 0;
                boolean smap = paging && (cr4 & GuestWalk.CR4_SMAP) != 0;
                permissions.set(true, smep, smap, ac, true);
            }
            long[] registers = new long[4];
            for (int i = 0; i < 4 && root.pae(); i++) {
                registers[i] = memory.read(root.hpa() + 8 * i, 8);
            }
            TableReader reader = new TableReader() {
                @Override
                public long read(long at, int bytes) {
                    return memory.read(at, bytes);
                }

                @Override
                public boolean update(long at, int bytes, long expected, long value) {
                    memory.write(at, bytes, value);
                    return true;
                }
            };
            long eptp = vm.config().format().ept() ? root.eptp() : root.hpa();
            return walker.walk(mode, reader, eptp, registers, address, wanted, permissions);
        }

        private long errorCode(int access) {
            if (!vm.config().tdp()) {
                return permissions.errorCode(walker, access);
            }
            if (!vm.config().format().ept()) {
                return permissions.errorCode(walker, access | Access.USER) | PfError.GUEST_FINAL;
            }
            if (walker.outcome == Walker.RESERVED) {
                return PfError.RSVD;
            }
            int rights = walker.outcome == Walker.NOT_PRESENT ? 0 : walker.rights & 7;
            return ((access & Access.READ) != 0 ? PfError.USER : 0)
                    | ((access & Access.WRITE) != 0 ? PfError.WRITE : 0)
                    | ((access & Access.EXECUTE) != 0 ? PfError.FETCH : 0)
                    | (rights != 0 ? PfError.PRESENT : 0)
                    | PfError.GUEST_FINAL;
        }

        private FaultAddress typed(long address) {
            if (!vm.config().tdp()) {
                return new Gva(address);
            }
            return guestMode && nestedTdp ? new Ngpa(address) : new Gpa(address);
        }

        /** An access of the guest: through the translation cache, the tables, and L0 until it ends. */
        End access(long address, int access) {
            String key = Long.toHexString(address >>> 12) + "/" + (cr4 & GuestWalk.CR4_PCIDE) + "/"
                    + ((cr4 & GuestWalk.CR4_PCIDE) != 0 ? cr3 & 0xfff : 0) + "/" + access + "/" + ac + "/"
                    + (cr0 & GuestWalk.CR0_WP) + guestMode;
            for (int tries = 0; tries < 30; tries++) {
                enter();
                Long cached = tlb.get(key);
                if (cached != null) {
                    return End.at(cached | address & 0xfff);
                }
                if (hardware(address, access)) {
                    tlb.put(key, walker.physical & ~0xfffL);
                    return End.at(walker.physical);
                }
                long code = errorCode(access);
                last = mmu.pageFault(typed(address), code);
                if (last instanceof FaultResult.Emulate) {
                    return emulate(address, access);
                }
                if (last instanceof FaultResult.GuestPageFault fault) {
                    return End.fault(fault.errorCode());
                }
                if (last instanceof FaultResult.Reflect reflect) {
                    return new End(
                            reflect.fault().kind().name(),
                            reflect.fault().address().value(),
                            reflect.fault().rights());
                }
                if (!(last instanceof FaultResult.Resume)) {
                    return new End(last.toString(), 0, 0);
                }
            }
            throw new AssertionError("no end: " + Long.toHexString(address) + " access " + access + ": " + last);
        }

        private End emulate(long address, int access) {
            Translation translation;
            if (vm.config().tdp()) {
                translation = guestMode && nestedTdp
                        ? mmu.ngpaToGpa(new Ngpa(address), access)
                        : new Translation.Mapped(new Gpa(address), mmu.isMmio(new Gpa(address)));
            } else {
                translation = mmu.gvaToGpa(new Gva(address), access);
            }
            if (translation instanceof Translation.PageFault fault) {
                return End.fault(fault.errorCode());
            }
            if (translation instanceof Translation.Refused refused) {
                return new End(
                        refused.fault().kind().name(), refused.fault().address().value(), 0);
            }
            Translation.Mapped mapped = (Translation.Mapped) translation;
            long hpa = vm.slots().toHpa(smm ? 1 : 0, mapped.gpa().value());
            return mapped.mmio() || hpa < 0 ? End.mmio(mapped.gpa().value()) : End.at(hpa);
        }

        /** A store of the guest, done wherever the access ends; true if it ended in memory. */
        boolean store(long address, int bytes, long value, int access) {
            End end = access(address, access);
            if (!end.kind().equals("memory")) {
                return false;
            }
            memory.write(end.value(), bytes, value);
            if (last instanceof FaultResult.Emulate) {
                mmu.trackWrite(new Gpa(end.value() - BACKING), bytes);
            }
            last = null;
            return true;
        }

        // ---- seams ----

        @Override
        public long cr0() {
            return cr0;
        }

        @Override
        public long cr3() {
            return cr3;
        }

        @Override
        public long cr4() {
            return cr4;
        }

        @Override
        public long efer() {
            return efer;
        }

        @Override
        public long pdpte(int index) {
            return pdptes[index];
        }

        @Override
        public boolean ac() {
            return ac;
        }

        @Override
        public int cpl() {
            return cpl;
        }

        @Override
        public long pkru() {
            return 0;
        }

        @Override
        public long pkrs() {
            return 0;
        }

        @Override
        public boolean guestMode() {
            return guestMode;
        }

        @Override
        public boolean smm() {
            return smm;
        }

        @Override
        public boolean nestedTdp() {
            return nestedTdp;
        }

        @Override
        public long nestedRoot() {
            return nestedRoot;
        }

        @Override
        public long hostCr4() {
            return hostCr4;
        }

        @Override
        public long hostEfer() {
            return hostEfer;
        }

        @Override
        public boolean logNestedDirty(Ngpa address) {
            if (!logFull) {
                dirtied.add(address.value() >>> 12);
            }
            return !logFull;
        }

        @Override
        public boolean eventReinjected() {
            return reinjected;
        }

        @Override
        public long rip() {
            return rip;
        }

        @Override
        public void raise(Request request) {
            requests.add(request);
            log.add(request);
        }

        @Override
        public boolean isRaised(Request request) {
            return requests.contains(request);
        }

        @Override
        public void clear(Request request) {
            requests.remove(request);
        }
    }
}
