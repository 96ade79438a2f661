package nestbox.modules;

/** What runs a laboratory's image. */
public enum L0Mode {
    /** The silicon itself: the reference that L0 is compared with. */
    NONE,
    /** L0 with EPT or nested paging. */
    TDP,
    /** L0 with shadow paging. */
    SHADOW
}
