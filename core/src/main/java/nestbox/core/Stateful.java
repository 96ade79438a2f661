package nestbox.core;

/** Something whose whole mutable state can be written and read back; caches are rebuilt and never written. */
public interface Stateful {
    void save(StateWriter out);

    /** Reads back exactly what {@link #save} wrote. */
    void restore(StateReader in);
}
