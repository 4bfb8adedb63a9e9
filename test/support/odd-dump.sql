-- Written by pg_dump of tables whose names, comments and rows look like something else.
--
-- PostgreSQL database dump
--

\restrict 027q0uBcN87IiLx8fJ7e6FAarjSMPBejlDXWCIQIUZuHM9yNpdVGjWFg2R9AqKJ

-- Dumped from database version 17.12 (Debian 17.12-0+deb13u1)
-- Dumped by pg_dump version 17.12 (Debian 17.12-0+deb13u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: odd "na;me" two; Type: TABLE; Schema: E S; Owner: postgres
--

CREATE TABLE "E S"."odd ""na;me""
two" (
    id integer NOT NULL,
    "col;um
n" text
);


ALTER TABLE "E S"."odd ""na;me""
two" OWNER TO postgres;

--
-- Name: odd "na;me" two_id_seq; Type: SEQUENCE; Schema: E S; Owner: postgres
--

CREATE SEQUENCE "E S"."odd ""na;me""
two_id_seq"
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER SEQUENCE "E S"."odd ""na;me""
two_id_seq" OWNER TO postgres;

--
-- Name: odd "na;me" two_id_seq; Type: SEQUENCE OWNED BY; Schema: E S; Owner: postgres
--

ALTER SEQUENCE "E S"."odd ""na;me""
two_id_seq" OWNED BY "E S"."odd ""na;me""
two".id;


--
-- Name: a; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.a (
    x integer NOT NULL,
    note text DEFAULT 'it''s
COPY public.b (y) FROM stdin;
\.
DROP;'::text,
    CONSTRAINT c CHECK ((note <> '
SET default_tablespace = x;
'::text))
);


ALTER TABLE public.a OWNER TO postgres;

--
-- Name: TABLE a; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON TABLE public.a IS 'Load it with
COPY public.b (y) FROM stdin;
1
\.
or say "don''t
\restrict abc
SET search_path = x;';


--
-- Name: b; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.b (
    y integer
);


ALTER TABLE public.b OWNER TO postgres;

--
-- Name: r; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.r (
    o integer
);


ALTER TABLE public.r OWNER TO postgres;

--
-- Name: odd "na;me" two id; Type: DEFAULT; Schema: E S; Owner: postgres
--

ALTER TABLE ONLY "E S"."odd ""na;me""
two" ALTER COLUMN id SET DEFAULT nextval('"E S"."odd ""na;me""
two_id_seq"'::regclass);


--
-- Data for Name: odd "na;me" two; Type: TABLE DATA; Schema: E S; Owner: postgres
--

COPY "E S"."odd ""na;me""
two" (id, "col;um
n") FROM stdin;
1	x
\.


--
-- Data for Name: a; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.a (x, note) FROM stdin;
1	tab\there\\back\nslash\r.
2	\\.
3	\N
4	
\.


--
-- Data for Name: b; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.b (y) FROM stdin;
\.


--
-- Data for Name: r; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY public.r (o) FROM stdin;
\.


--
-- Name: odd "na;me" two_id_seq; Type: SEQUENCE SET; Schema: E S; Owner: postgres
--

SELECT pg_catalog.setval('"E S"."odd ""na;me""
two_id_seq"', 1, true);


--
-- Name: odd "na;me" two o"k; Type: CONSTRAINT; Schema: E S; Owner: postgres
--

ALTER TABLE ONLY "E S"."odd ""na;me""
two"
    ADD CONSTRAINT "o""k" PRIMARY KEY (id);


--
-- Name: a a_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.a
    ADD CONSTRAINT a_pkey PRIMARY KEY (x);


--
-- Name: b b_y_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.b
    ADD CONSTRAINT b_y_fkey FOREIGN KEY (y) REFERENCES public.a(x);


--
-- Name: r key; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.r
    ADD CONSTRAINT key FOREIGN KEY (o) REFERENCES "E S"."odd ""na;me""
two"(id);


--
-- PostgreSQL database dump complete
--

\unrestrict 027q0uBcN87IiLx8fJ7e6FAarjSMPBejlDXWCIQIUZuHM9yNpdVGjWFg2R9AqKJ

