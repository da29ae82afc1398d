-- What many ask at one moment is answered and written together. What writes runs as its caller, in the scope of one company after the
-- other, so that the policies hold for each line; whatever is not as it should be (a second use, an expired token, an ended grant) is
-- judged by itself, by the functions for one.
--
-- One plan is made and kept: to plan anew for each number of questions costs more than to answer them. One that was made while a table
-- was nearly empty would read all of it until statistics are taken again, so a hot function looks things up by index and in no other
-- way.

-- Uses codes up. The questions come ordered by company and grant, so that everybody locks in one order; `firsts` is false for all but
-- the first that asks about a grant.
create function take_codes(secrets bytea[], companies uuid[], people uuid[], grants uuid[], ats timestamptz[], firsts boolean[],
                           refreshes bytea[], untils timestamptz[], binds jsonb[],
                           lines uuid[], clients text[], ips text[], user_agents text[], requests text[],
                           actions text[], details jsonb[], reuses text[])
    returns text[] language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
    words text[] := array_fill(null::text, array[cardinality(secrets)]);
    owner uuid;
    lower integer := 1;
    upper integer;
    taken integer[];
    n integer;
begin
    while lower <= cardinality(secrets) loop
        owner := companies[lower];
        upper := lower;
        while companies[upper + 1] = owner loop
            upper := upper + 1;
        end loop;
        perform set_config('app.company_id', owner::text, true), set_config('app.account_id', '', true);
        with used as (
            update public.authorization_code c set used_at = q.at
            from unnest(secrets[lower:upper], grants[lower:upper], ats[lower:upper], firsts[lower:upper]) with ordinality
                     as q(secret, granted, at, first, n)
            join public.authorization_grant g on g.company_id = owner and g.id = q.granted and g.ended_at is null and g.expires_at > q.at
            where q.first and c.company_id = owner and c.digest = q.secret and c.grant_id = q.granted
              and c.used_at is null and c.expires_at > q.at
            returning q.n
        )
        select array_agg(u.n::integer + lower - 1) into taken from used u;
        if taken is not null then
            if exists (select from unnest(taken) as t(n) where binds[t.n] is not null) then
                update public.authorization_grant g set confirmation = binds[t.n]
                from unnest(taken) as t(n)
                where binds[t.n] is not null and g.company_id = owner and g.id = grants[t.n];
            end if;
            insert into public.refresh_token (digest, company_id, grant_id, expires_at, created_at)
            select refreshes[t.n], owner, grants[t.n], untils[t.n], ats[t.n] from unnest(taken) as t(n) where refreshes[t.n] is not null;
            insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
            select lines[t.n], owner, people[t.n], clients[t.n], actions[t.n], ips[t.n], user_agents[t.n], requests[t.n], details[t.n], ats[t.n]
            from unnest(taken) as t(n);
            foreach n in array taken loop
                words[n] := 'taken';
            end loop;
        end if;
        for n in lower .. upper loop
            if words[n] is null then
                words[n] := public.take_code(secrets[n], owner, people[n], grants[n], ats[n], refreshes[n], untils[n], binds[n],
                    lines[n], clients[n], ips[n], user_agents[n], requests[n], actions[n], details[n], reuses[n]);
            end if;
        end loop;
        lower := upper + 1;
    end loop;
    return words;
end
$$;

-- Uses refresh tokens, ordered as codes are. Whoever holds the lock of a grant finds its tokens as they are.
create function take_refresh_tokens(secrets bytea[], companies uuid[], people uuid[], grants uuid[], ats timestamptz[], firsts boolean[],
                                    nexts bytea[],
                                    lines uuid[], clients text[], ips text[], user_agents text[], requests text[],
                                    actions text[], details jsonb[], reuses text[])
    returns text[] language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
    words text[] := array_fill(null::text, array[cardinality(secrets)]);
    owner uuid;
    lower integer := 1;
    upper integer;
    locked integer[];
    taken integer[];
    n integer;
begin
    while lower <= cardinality(secrets) loop
        owner := companies[lower];
        upper := lower;
        while companies[upper + 1] = owner loop
            upper := upper + 1;
        end loop;
        perform set_config('app.company_id', owner::text, true), set_config('app.account_id', '', true);
        select array_agg(l.n) into locked from (
            select q.n::integer + lower - 1 as n
            from unnest(grants[lower:upper], ats[lower:upper], firsts[lower:upper]) with ordinality as q(granted, at, first, n)
            join public.authorization_grant g on g.company_id = owner and g.id = q.granted and g.ended_at is null and g.expires_at > q.at
            where q.first order by g.id for no key update of g) l;
        with good as (
            select l.n, t.expires_at from unnest(locked) as l(n)
            join public.refresh_token t on t.company_id = owner and t.digest = secrets[l.n] and t.grant_id = grants[l.n]
            where t.used_at is null and t.revoked_at is null and t.expires_at > ats[l.n]
        ), used as (
            update public.refresh_token t set used_at = ats[g.n] from good g
            where nexts[g.n] is not null and t.company_id = owner and t.digest = secrets[g.n]
        ), born as (
            insert into public.refresh_token (digest, company_id, grant_id, parent_digest, expires_at, created_at)
            select nexts[g.n], owner, grants[g.n], secrets[g.n], g.expires_at, ats[g.n] from good g where nexts[g.n] is not null
        )
        select array_agg(g.n) into taken from good g;
        if taken is not null then
            insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
            select lines[t.n], owner, people[t.n], clients[t.n], actions[t.n], ips[t.n], user_agents[t.n], requests[t.n], details[t.n], ats[t.n]
            from unnest(taken) as t(n);
            foreach n in array taken loop
                words[n] := 'taken';
            end loop;
        end if;
        for n in lower .. upper loop
            if words[n] is null then
                words[n] := public.take_refresh_token(secrets[n], owner, people[n], grants[n], ats[n], nexts[n],
                    lines[n], clients[n], ips[n], user_agents[n], requests[n], actions[n], details[n], reuses[n]);
            end if;
        end loop;
        lower := upper + 1;
    end loop;
    return words;
end
$$;

-- Clients that speak for themselves, each in a company named by id or slug: the company's id and slug, where the client serves it.
create function note_client_tokens(owners uuid[], companies uuid[], slugs text[], ats timestamptz[],
                                   lines uuid[], clients text[], ips text[], user_agents text[], requests text[],
                                   actions text[], details jsonb[])
    returns table (n bigint, company_id uuid, company_slug text) language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
#variable_conflict use_column
declare
    known text;
    one uuid;
    this integer;
begin
    for this in 1 .. cardinality(companies) loop
        if companies[this] is null then
            if slugs[this] is distinct from known then
                known := slugs[this];
                one := public.find_company(known);
            end if;
            companies[this] := one;
        end if;
        if owners[this] <> companies[this] then
            companies[this] := null;
        end if;
    end loop;
    for one in select distinct c.id from unnest(companies) as c(id) where c.id is not null order by c.id loop
        perform set_config('app.company_id', one::text, true), set_config('app.account_id', '', true);
        select c.slug into known from public.company c where c.id = one;
        if known is not null then
            insert into public.event (id, company_id, client_id, action, ip, user_agent, request_id, detail, created_at)
            select q.line, one, q.client, q.action, q.ip, q.user_agent, q.request, q.detail, q.at
            from unnest(companies, ats, lines, clients, ips, user_agents, requests, actions, details)
                     as q(company, at, line, client, ip, user_agent, request, action, detail)
            where q.company = one;
            return query select q.n, one, known from unnest(companies) with ordinality as q(company, n) where q.company = one;
        end if;
    end loop;
end
$$;

-- Makes grants in living logins, ordered by company, each with its code where one is given. False where the login has ended: whoever
-- ends it meanwhile waits, and then finds what was made in it. Lists come as text, separated by spaces.
create function issue_grants(companies uuid[], people uuid[], grants uuid[], clients text[], logins uuid[], ats timestamptz[],
                             scopes text[], audiences text[], nonces text[], claims jsonb[], auth_times timestamptz[], amrs text[],
                             acrs text[], subjects text[], authorization_details jsonb[], resources text[], untils timestamptz[],
                             hear_logout boolean[],
                             codes bytea[], redirect_uris text[], code_challenges text[], dpop_jkts text[], code_untils timestamptz[])
    returns boolean[] language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
#variable_conflict use_variable
declare
    living boolean[] := array_fill(false, array[cardinality(grants)]);
    owner uuid;
    lower integer := 1;
    upper integer;
    these integer[];
    n integer;
begin
    while lower <= cardinality(grants) loop
        owner := companies[lower];
        upper := lower;
        these := '{}';
        loop
            perform set_config('app.company_id', '', true), set_config('app.account_id', people[upper]::text, true);
            perform from public.login l
            where l.id = logins[upper] and l.account_id = people[upper] and l.ended_at is null and l.expires_at > ats[upper] for share;
            if found then
                living[upper] := true;
                these := these || upper;
            end if;
            exit when companies[upper + 1] is distinct from owner;
            upper := upper + 1;
        end loop;
        if these <> '{}' then
            perform set_config('app.company_id', owner::text, true);
            insert into public.authorization_grant (company_id, id, account_id, client_id, login_id, scopes, audience, nonce, claims,
                                                    auth_time, amr, acr, subject, authorization_details, resources, created_at, expires_at)
            select owner, grants[t.n], people[t.n], clients[t.n], logins[t.n], string_to_array(scopes[t.n], ' '), audiences[t.n], nonces[t.n],
                   claims[t.n], auth_times[t.n], string_to_array(amrs[t.n], ' '), acrs[t.n], subjects[t.n], authorization_details[t.n],
                   string_to_array(resources[t.n], ' '), ats[t.n], untils[t.n]
            from unnest(these) as t(n);
            if true = any (hear_logout[lower:upper]) then
                insert into public.login_client (company_id, login_id, client_id, account_id, subject, created_at)
                select owner, logins[t.n], clients[t.n], people[t.n], subjects[t.n], ats[t.n] from unnest(these) as t(n)
                where hear_logout[t.n] on conflict do nothing;
            end if;
            insert into public.authorization_code (digest, company_id, grant_id, redirect_uri, code_challenge, dpop_jkt, expires_at, created_at)
            select codes[t.n], owner, grants[t.n], redirect_uris[t.n], code_challenges[t.n], dpop_jkts[t.n], code_untils[t.n], ats[t.n]
            from unnest(these) as t(n) where codes[t.n] is not null;
        end if;
        lower := upper + 1;
    end loop;
    return living;
end
$$;

-- Who is signed in by a login that a browser's session names: once for each company of theirs, by name, with what they allowed the
-- client there, where one is named. Read as the look-up role, as what is held is: each question is answered with its own login.
create function visitors(people uuid[], logins uuid[], clients text[], ats timestamptz[])
    returns table (n bigint, auth_time timestamptz, amr text[], acr text, last_seen_at timestamptz, email text, person_name text,
                   home_company_id uuid, has_totp boolean, company_id uuid, slug text, name text, logo_url text, color text,
                   require_mfa boolean, session_hours integer, password_min_length integer, mail_domains text[], created_at timestamptz,
                   role text, consented_scopes text[], consented_resources text[])
    language plpgsql stable security definer
    set search_path = pg_catalog, public, pg_temp
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
#variable_conflict use_column
begin
    return query
        select q.n, l.auth_time, l.amr, l.acr, l.last_seen_at, a.email, a.name, a.home_company_id,
               exists (select from public.totp t where t.account_id = l.account_id and t.confirmed_at is not null),
               c.id, c.slug, c.name, c.logo_url, c.color, c.require_mfa, c.session_hours, c.password_min_length, c.mail_domains,
               c.created_at, m.role, s.scopes, s.resources
        from unnest(people, logins, clients, ats) with ordinality as q(person, login, client, at, n)
        join public.login l on l.id = q.login and l.account_id = q.person and l.ended_at is null and l.expires_at > q.at
        join public.account a on a.id = l.account_id and a.disabled_at is null
        left join public.membership m on m.account_id = l.account_id and m.ended_at is null
        left join public.company c on c.id = m.company_id
        left join public.consent s on s.company_id = m.company_id and s.account_id = m.account_id and s.client_id = q.client
        order by q.n, c.name, c.id;
end
$$;

-- A login was used, after more than a minute's rest.
create function note_seen(person uuid, sought uuid, at timestamptz) returns void language plpgsql as $$
begin
    perform set_config('app.company_id', '', true), set_config('app.account_id', person::text, true);
    update public.login l set last_seen_at = at where l.id = sought and l.account_id = person and l.ended_at is null and l.last_seen_at < at;
end
$$;

-- Begins a login and says so in the person's trail, and in that of the home company while they belong to it. Answers whether a
-- company of theirs demands a second factor that is not set up.
create function begin_login(person uuid, fresh uuid, at timestamptz, until timestamptz, amr text[], acr text, ip text, user_agent text,
                            line uuid, request text, action text, detail jsonb)
    returns boolean language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
#variable_conflict use_variable
begin
    perform set_config('app.company_id', '', true), set_config('app.account_id', person::text, true);
    insert into public.login (id, account_id, auth_time, amr, acr, ip, user_agent, created_at, last_seen_at, expires_at)
    values (fresh, person, at, amr, acr, ip, user_agent, at, at, until);
    insert into public.event (id, company_id, account_id, action, ip, user_agent, request_id, detail, created_at)
    values (line, (select m.company_id from public.account a
                   join public.membership m on m.account_id = a.id and m.company_id = a.home_company_id and m.ended_at is null
                   where a.id = person),
            person, action, ip, user_agent, request, detail, at);
    return not exists (select from public.totp t where t.account_id = person and t.confirmed_at is not null)
        and exists (select from public.membership m join public.company c on c.id = m.company_id
                    where m.account_id = person and m.ended_at is null and c.require_mfa);
end
$$;

-- The same as before, but in PL/pgSQL, which keeps its plans.
create or replace function find_credentials(sought text)
    returns table (account_id uuid, password_hash text, email_verified boolean, disabled boolean, has_totp boolean,
                   home_company_id uuid)
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    return query
        select a.id, p.hash, a.email_verified_at is not null, a.disabled_at is not null,
               exists (select from public.totp t where t.account_id = a.id and t.confirmed_at is not null), a.home_company_id
        from public.account a left join public.password p on p.account_id = a.id
        where a.email = sought;
end
$$;

create or replace function find_client(sought text) returns setof client
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    return query select * from public.client c where c.id = sought;
end
$$;

-- As `held`, but with a column for each thing that it tells: to take a composite apart is dear. `living` says whether the grant lives;
-- where it does not, its columns and those of the person mean nothing.
create function holdings(kinds text[], secrets bytea[], companies uuid[], grants uuid[], ats timestamptz[])
    returns table (n bigint, company_id uuid, account_id uuid, grant_id uuid, client_id text,
                   redirect_uri text, code_challenge text, dpop_jkt text,
                   used_at timestamptz, expires_at timestamptz, revoked_at timestamptz, successor_used boolean, living boolean,
                   login_id uuid, scopes text[], audience text, nonce text, claims jsonb, auth_time timestamptz, amr text[], acr text,
                   subject text, confirmation jsonb, authorization_details jsonb, resources text[], company_slug text, company_name text,
                   require_mfa boolean, role text, email text, email_verified_at timestamptz, name text, given_name text,
                   family_name text, middle_name text, nickname text, preferred_username text, profile text, picture text, website text,
                   gender text, birthdate text, zoneinfo text, locale text, phone_number text, phone_number_verified boolean,
                   address jsonb, updated_at timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, public, pg_temp
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
#variable_conflict use_column
begin
    if 'access_token' = any (kinds) then
        return query
            select q.n, g.company_id, g.account_id, g.id, g.client_id, null::text, null::text, null::text,
                   null::timestamptz, null::timestamptz, null::timestamptz, false, true,
                   g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr, g.acr, g.subject, g.confirmation,
                   g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role, a.email, a.email_verified_at, a.name,
                   a.given_name, a.family_name, a.middle_name, a.nickname, a.preferred_username, a.profile, a.picture, a.website, a.gender,
                   a.birthdate, a.zoneinfo, a.locale, a.phone_number, a.phone_number_verified, a.address, a.updated_at
            from unnest(kinds, companies, grants, ats) with ordinality as q(kind, company, granted, at, n)
            join public.authorization_grant g on g.company_id = q.company and g.id = q.granted
            join public.company c on c.id = g.company_id
            join public.membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
            join public.account a on a.id = g.account_id and a.disabled_at is null
            join public.client k on k.id = g.client_id and k.disabled_at is null
            where q.kind = 'access_token' and g.ended_at is null and g.expires_at > q.at;
    end if;
    if 'code' = any (kinds) then
        return query
            select q.n, g.company_id, g.account_id, g.id, g.client_id, s.redirect_uri, s.code_challenge, s.dpop_jkt,
                   s.used_at, s.expires_at, null::timestamptz, false,
                   g.ended_at is null and g.expires_at > q.at and m.account_id is not null and a.id is not null and k.id is not null,
                   g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr, g.acr, g.subject, g.confirmation,
                   g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role, a.email, a.email_verified_at, a.name,
                   a.given_name, a.family_name, a.middle_name, a.nickname, a.preferred_username, a.profile, a.picture, a.website, a.gender,
                   a.birthdate, a.zoneinfo, a.locale, a.phone_number, a.phone_number_verified, a.address, a.updated_at
            from unnest(kinds, secrets, ats) with ordinality as q(kind, secret, at, n)
            join public.authorization_code s on s.digest = q.secret
            join public.authorization_grant g on g.company_id = s.company_id and g.id = s.grant_id
            join public.company c on c.id = g.company_id
            left join public.membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
            left join public.account a on a.id = g.account_id and a.disabled_at is null
            left join public.client k on k.id = g.client_id and k.disabled_at is null
            where q.kind = 'code';
    end if;
    if 'refresh_token' = any (kinds) then
        return query
            select q.n, g.company_id, g.account_id, g.id, g.client_id, null::text, null::text, null::text,
                   s.used_at, s.expires_at, s.revoked_at,
                   s.used_at is not null and exists (select from public.refresh_token f where f.company_id = s.company_id
                       and f.parent_digest = s.digest and f.used_at is not null),
                   g.ended_at is null and g.expires_at > q.at and m.account_id is not null and a.id is not null and k.id is not null,
                   g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr, g.acr, g.subject, g.confirmation,
                   g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role, a.email, a.email_verified_at, a.name,
                   a.given_name, a.family_name, a.middle_name, a.nickname, a.preferred_username, a.profile, a.picture, a.website, a.gender,
                   a.birthdate, a.zoneinfo, a.locale, a.phone_number, a.phone_number_verified, a.address, a.updated_at
            from unnest(kinds, secrets, ats) with ordinality as q(kind, secret, at, n)
            join public.refresh_token s on s.digest = q.secret
            join public.authorization_grant g on g.company_id = s.company_id and g.id = s.grant_id
            join public.company c on c.id = g.company_id
            left join public.membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
            left join public.account a on a.id = g.account_id and a.disabled_at is null
            left join public.client k on k.id = g.client_id and k.disabled_at is null
            where q.kind = 'refresh_token';
    end if;
end
$$;

-- What living sessions of browsers hold.
create function sessions(digests bytea[], ats timestamptz[]) returns table (n bigint, data jsonb, expires_at timestamptz)
    language plpgsql stable
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
#variable_conflict use_column
begin
    return query
        select q.n, s.data, s.expires_at from unnest(digests, ats) with ordinality as q(digest, at, n)
        join public.browser_session s on s.digest = q.digest and s.expires_at > q.at;
end
$$;

alter function holdings(text[], bytea[], uuid[], uuid[], timestamptz[]) owner to countersign_lookup;
alter function visitors(uuid[], uuid[], text[], timestamptz[]) owner to countersign_lookup;

do $$
declare
    signature text;
begin
    foreach signature in array array[
        'take_codes(bytea[], uuid[], uuid[], uuid[], timestamptz[], boolean[], bytea[], timestamptz[], jsonb[], uuid[], text[], text[],
                    text[], text[], text[], jsonb[], text[])',
        'take_refresh_tokens(bytea[], uuid[], uuid[], uuid[], timestamptz[], boolean[], bytea[], uuid[], text[], text[], text[], text[],
                             text[], jsonb[], text[])',
        'note_client_tokens(uuid[], uuid[], text[], timestamptz[], uuid[], text[], text[], text[], text[], text[], jsonb[])',
        'issue_grants(uuid[], uuid[], uuid[], text[], uuid[], timestamptz[], text[], text[], text[], jsonb[], timestamptz[], text[],
                      text[], text[], jsonb[], text[], timestamptz[], boolean[], bytea[], text[], text[], text[], timestamptz[])',
        'holdings(text[], bytea[], uuid[], uuid[], timestamptz[])', 'sessions(bytea[], timestamptz[])',
        'visitors(uuid[], uuid[], text[], timestamptz[])', 'note_seen(uuid, uuid, timestamptz)',
        'begin_login(uuid, uuid, timestamptz, timestamptz, text[], text, text, text, uuid, text, text, jsonb)']
    loop
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;

-- Compiling a query costs more than any query of the server.
do $$
begin
    alter role countersign_app set jit = off;
exception when insufficient_privilege then
    raise notice 'countersign_app goes on compiling queries: %', sqlerrm;
end
$$;

-- One policy instead of two, as the trail has it: of several, PostgreSQL makes an `or` that it may answer by reading every row of a
-- company, and takes that for cheap. A `case` it only checks. What is seen and what may be written is the same.
do $$
declare
    name text;
begin
    foreach name in array array['authorization_grant', 'consent', 'login_client', 'membership'] loop
        execute format('drop policy company_scope on %I', name);
        execute format('drop policy person_scope on %I', name);
        execute format('create policy any_scope on %I %s to countersign_app using (case
            when (select scope_company()) is not null then company_id = (select scope_company())
            else account_id = (select scope_person()) end)', name, case name when 'membership' then 'for select' else '' end);
    end loop;
end
$$;
-- A person sees where they belong, and changes nothing of it.
create policy company_scope_new on membership for insert to countersign_app with check (company_id = (select scope_company()));
create policy company_scope_change on membership for update to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy company_scope_end on membership for delete to countersign_app using (company_id = (select scope_company()));

-- Rows that change once or more soon after they were written find room in their page, so that no index must hear of it.
alter table refresh_token set (fillfactor = 85);
alter table authorization_code set (fillfactor = 85);
alter table browser_session set (fillfactor = 80);
alter table flow set (fillfactor = 80);
alter table login set (fillfactor = 90);
alter table throttle set (fillfactor = 60);
