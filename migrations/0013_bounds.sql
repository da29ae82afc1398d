-- What keeps tables bounded where they are large: one function that sweeps one table, the indexes that it finds expired rows by,
-- months of the trail that come and go without anybody waiting, and a vacuum that comes in time.

-- Found by the sweeper, which looks across companies.
create index outbox_sent on outbox (sent_at) where sent_at is not null;
create index outbox_unsent on outbox (created_at) where sent_at is null;
create index logout_notice_age on logout_notice (created_at);
create index totp_unfinished on totp (created_at) where confirmed_at is null;
create index backup_code_used on backup_code (used_at) where used_at is not null;
create index client_document on client (document_fetched_at) where origin = 'document';
create index client_dynamic on client (updated_at) where origin = 'dynamic';
create index initial_access_token_used_up on initial_access_token (digest) where uses_left = 0;

-- Room beside a row that is updated in place, so that no index has to hear of it; and vacuum after two rows of a hundred, not twenty: of
-- five million that is a hundred thousand dead ones, not a million.
do $$
declare
    name text;
begin
    foreach name in array array['login', 'authorization_grant', 'authorization_code', 'refresh_token', 'browser_session', 'flow',
        'throttle', 'pushed_request', 'outbox', 'totp', 'password']
    loop
        execute format('alter table %I set (fillfactor = 90)', name);
    end loop;
    foreach name in array array['login', 'login_client', 'authorization_grant', 'authorization_code', 'refresh_token', 'mail_token',
        'browser_session', 'flow', 'throttle', 'pushed_request', 'replay', 'outbox', 'logout_notice']
    loop
        execute format('alter table %I set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02,
            autovacuum_vacuum_insert_scale_factor = 0.05)', name);
    end loop;
    -- Select ... for update asks for the right to update.
    foreach name in array array['backup_code', 'browser_session', 'flow', 'throttle', 'replay', 'pushed_request', 'outbox', 'logout_notice']
    loop
        execute format('grant select, update, delete on %I to countersign_lookup', name);
        execute format('create policy lookup on %I to countersign_lookup using (true) with check (true)', name);
    end loop;
end
$$;

-- Sweeps at most a thousand rows of one table that were over before the given instant; answers how many went. Rows that another node
-- sweeps, or a request holds, are passed over. The keys are an array so that every
-- plan takes them one by one from the index, however long ago the table was analysed.
-- Tokens and codes go before the grants that they hang from, and grants before logins, so that nothing large goes by cascade: the
-- caller keeps to that order. `sweep` and `sweep_registrations` stay for the release before this one.
create function sweep_table(wanted text, before timestamptz) returns bigint
    language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    done bigint := 0;
    part bigint := 0;
begin
    case wanted
    when 'refresh_token' then
        delete from refresh_token where digest = any (array(select digest from refresh_token
            where expires_at < before order by expires_at limit 1000 for update skip locked));
    when 'authorization_code' then
        delete from authorization_code where digest = any (array(select digest from authorization_code
            where expires_at < before order by expires_at limit 1000 for update skip locked));
    when 'authorization_grant' then
        delete from authorization_grant g using (select array_agg(company_id) as companies, array_agg(id) as ids from (select company_id, id
                from authorization_grant where expires_at < before order by expires_at limit 1000 for update skip locked) due) due,
            unnest(due.companies, due.ids) as each(company_id, id)
            where g.company_id = each.company_id and g.id = each.id;
    when 'login' then
        -- The caller waits for as long as a grant can outlive its login; where one does so still, it is kept.
        delete from login where id = any (array(select l.id from login l
            where l.expires_at < before and not exists (select from authorization_grant g where g.login_id = l.id)
            order by l.expires_at limit 1000 for update skip locked));
    when 'mail_token' then
        delete from mail_token where digest = any (array(select digest from mail_token
            where expires_at < before order by expires_at limit 1000 for update skip locked));
    when 'browser_session' then
        delete from browser_session where digest = any (array(select digest from browser_session
            where expires_at < before order by expires_at limit 1000 for update skip locked));
    when 'flow' then
        delete from flow where digest = any (array(select digest from flow
            where expires_at < before order by expires_at limit 1000 for update skip locked));
    when 'throttle' then
        delete from throttle where key = any (array(select key from throttle
            where expires_at < before order by expires_at limit 1000 for update skip locked));
    when 'replay' then
        delete from replay where digest = any (array(select digest from replay
            where expires_at < before order by expires_at limit 1000 for update skip locked));
    when 'pushed_request' then
        delete from pushed_request where digest = any (array(select digest from pushed_request
            where expires_at < before order by expires_at limit 1000 for update skip locked));
    when 'logout_notice' then
        delete from logout_notice where id = any (array(select id from logout_notice
            where created_at < before order by created_at limit 1000 for update skip locked));
    when 'outbox' then
        delete from outbox where id = any (array(select id from outbox
            where sent_at < before order by sent_at limit 1000 for update skip locked));
        get diagnostics done = row_count;
        -- Given up after two days, and shown to the operator for a month.
        delete from outbox where id = any (array(select id from outbox
            where sent_at is null and created_at < before - interval '30 days'
            order by created_at limit 1000 for update skip locked));
    when 'totp' then
        delete from totp where account_id = any (array(select account_id from totp
            where confirmed_at is null and created_at < before order by created_at limit 1000 for update skip locked));
    when 'backup_code' then
        delete from backup_code c using (select array_agg(account_id) as accounts, array_agg(digest) as digests from (select account_id, digest
                from backup_code where used_at < before order by used_at limit 1000 for update skip locked) due) due,
            unnest(due.accounts, due.digests) as each(account_id, digest)
            where c.account_id = each.account_id and c.digest = each.digest;
    when 'initial_access_token' then
        delete from initial_access_token where digest = any (array(select digest from initial_access_token
            where expires_at < before order by expires_at limit 1000 for update skip locked));
        get diagnostics done = row_count;
        delete from initial_access_token where digest = any (array(select digest from initial_access_token
            where uses_left = 0 limit 1000 for update skip locked));
    when 'client' then
        delete from client where id = any (array(select k.id from client k
            where k.origin = 'document' and k.document_fetched_at < before
              and not exists (select from authorization_grant g where g.client_id = k.id)
              and not exists (select from consent c where c.client_id = k.id)
            order by k.document_fetched_at limit 1000 for update skip locked));
        get diagnostics done = row_count;
        -- Who asks for tokens of its own leaves no grant behind, so nothing says that it is unused.
        delete from client where id = any (array(select k.id from client k
            where k.origin = 'dynamic' and k.updated_at < before - interval '60 days'
              and not 'client_credentials' = any (k.grant_types)
              and not exists (select from authorization_grant g where g.client_id = k.id)
              and not exists (select from consent c where c.client_id = k.id)
            order by k.updated_at limit 1000 for update skip locked));
    else
        raise exception 'no table of this name is swept: %', wanted using errcode = 'invalid_parameter_value';
    end case;
    get diagnostics part = row_count;
    return done + part;
end
$$;
alter function sweep_table(text, timestamptz) owner to countersign_lookup;
revoke all on function sweep_table(text, timestamptz) from public;
grant execute on function sweep_table(text, timestamptz) to countersign_app;

---------------------------------------------------------------------------------------------- months of the trail

-- Months of the trail: makes what is missing between two instants, and those of lines that lie in `event_otherwise` because nobody had
-- made their month. A month is filled beside the trail and then attached: that lets everybody go on writing and reading, but for
-- lines without a month. Whoever cannot have a lock soon leaves it for the next time rather than have others queue behind.
create or replace function event_make_months(first timestamptz, last timestamptz) returns integer
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp set lock_timeout = '250ms' as $$
declare
    earliest timestamptz;
    month timestamptz;
    upto timestamptz;
    name text;
    made integer := 0;
begin
    if last > first + interval '36 months' then
        raise exception 'too many months' using errcode = 'invalid_parameter_value';
    end if;
    month := date_trunc('month', first at time zone 'UTC') at time zone 'UTC';
    if month <= last and to_regclass('public.event_' || to_char(month at time zone 'UTC', 'YYYY_MM')) is not null
       and to_regclass('public.event_' || to_char(last at time zone 'UTC', 'YYYY_MM')) is not null
       and not event_waits() then
        return 0; -- the usual hour: nothing to do, and no lock taken
    end if;
    begin
        -- The owner's own rows are walled too; nobody sees the wall down, because the lock is held until it stands again.
        alter table public.event_otherwise no force row level security;
        select min(created_at) into earliest from public.event_otherwise;
        if earliest < month then
            month := date_trunc('month', greatest(earliest, last - interval '120 months') at time zone 'UTC') at time zone 'UTC';
        end if;
        while month <= last loop
            upto := (date_trunc('month', month at time zone 'UTC') + interval '1 month') at time zone 'UTC';
            name := 'event_' || to_char(month at time zone 'UTC', 'YYYY_MM');
            if to_regclass('public.' || name) is null and (month >= date_trunc('month', first at time zone 'UTC') at time zone 'UTC'
                or exists (select from public.event_otherwise o where o.created_at >= month and o.created_at < upto))
            then
                execute format('create table public.%I (like public.event including defaults including constraints including indexes)', name);
                execute format('with gone as (delete from public.event_otherwise where created_at >= %L and created_at < %L returning *)
                    insert into public.%I select * from gone', month, upto, name);
                execute format('alter table public.%I enable row level security, force row level security', name);
                execute format('alter table public.event attach partition public.%I for values from (%L) to (%L)', name, month, upto);
                made := made + 1;
            end if;
            month := upto;
        end loop;
        alter table public.event_otherwise force row level security;
    exception when lock_not_available or duplicate_table or unique_violation or deadlock_detected then
        -- A long reader, or another node that was faster. Nothing of it stays.
        return 0;
    end;
    return made;
end
$$;

-- Whether a line of the trail lies outside every month.
create function event_waits() returns boolean
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (select from event_otherwise)
$$;
grant select on event_otherwise to countersign_lookup;
create policy lookup on event_otherwise for select to countersign_lookup using (true);
alter function event_waits() owner to countersign_lookup;
revoke all on function event_waits() from public;
do $$ begin execute format('grant execute on function event_waits() to %I', current_user); end $$;

-- Months whose last instant lies before the given one go, whole. One that somebody reads stays until the next time: nobody queues
-- behind this for longer than the timeout.
create or replace function event_drop_months(before timestamptz) returns integer
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp set lock_timeout = '250ms' as $$
declare
    part record;
    dropped integer := 0;
begin
    for part in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'public.event'::regclass and c.relname ~ '^event_\d{4}_\d{2}$'
          and (to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' <= before
        order by c.relname
    loop
        begin
            execute format('drop table public.%I', part.relname);
            dropped := dropped + 1;
        exception when lock_not_available or undefined_table or deadlock_detected then
            exit; -- the next hour tries again
        end;
    end loop;
    return dropped;
end
$$;

----------------------------------------------------------------------------------------- functions run as others

-- Where `pg_temp` is not named, it comes first: a table of the caller's own would stand before ours.
do $$
declare
    definer regprocedure;
begin
    for definer in select oid::regprocedure from pg_proc
        where pronamespace = 'public'::regnamespace and prosecdef
          and not coalesce(proconfig, '{}') @> array['search_path=pg_catalog, public, pg_temp']
    loop
        execute format('alter function %s set search_path = pg_catalog, public, pg_temp', definer);
    end loop;
end
$$;

-------------------------------------------------------------------------------------- who sees what of the trail

-- One policy for reading instead of three: of several, PostgreSQL makes an `or` that it would rather answer by reading every line of a
-- company and sorting them than by following the index that has them in order. A `case` it only checks. What is seen is the same.
drop policy company_scope on event;
drop policy person_scope on event;
drop policy platform_scope on event;
create policy any_scope on event for select to countersign_app using (case
    when (select scope_company()) is not null then company_id = (select scope_company())
    when (select scope_account()) is not null then account_id = (select scope_account())
    else company_id is null and account_id is null end);
create policy company_scope_new on event for insert to countersign_app with check (company_id = (select scope_company()));
